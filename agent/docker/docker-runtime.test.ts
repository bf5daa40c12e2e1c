// Against a daemon that answers as scripted.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DockerRuntime } from './docker-runtime.ts'

let folder: string
let server: Server
let runtime: DockerRuntime
/** Queries of those that listen to events. */
let listeners: { query: URLSearchParams; response: ServerResponse }[]
/** What the daemon says of itself. */
let daemon: { Version: string; CgroupDriver: string }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fl-docker-'))
  listeners = []
  daemon = { Version: '20.10.0', CgroupDriver: 'cgroupfs' }
  server = createServer(({ url = '' }, response) => {
    const { pathname, searchParams: query } = new URL(url, 'http://docker')
    if (!pathname.endsWith('/events')) return response.end(JSON.stringify(daemon))
    listeners.push({ query, response })
    return response.writeHead(200).flushHeaders()
  })
  const socketPath = join(folder, 'docker.sock')
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  runtime = new DockerRuntime({ socketPath })
})

afterEach(() => {
  server.close()
  server.closeAllConnections()
  rmSync(folder, { recursive: true })
})

test('what happens while the stream of events is being opened is told too', async () => {
  const askedMs = Date.now()
  const events = runtime.events(new AbortController().signal)[Symbol.asyncIterator]()
  events.next().catch(() => undefined) // the daemon goes
  await vi.waitFor(() => expect(listeners).toHaveLength(1))
  const sinceMs = Number(listeners[0]?.query.get('since')) * 1000
  expect(sinceMs).toBeGreaterThanOrEqual(askedMs - 1)
  expect(sinceMs).toBeLessThanOrEqual(Date.now())
})

test('a daemon that has come back is asked anew what it is', async () => {
  expect(await runtime.version()).toEqual({ name: 'docker', version: '20.10.0', cgroupDriver: 'cgroupfs' })
  daemon = { Version: '29.0.0', CgroupDriver: 'systemd' }
  runtime.events(new AbortController().signal)
  expect(await runtime.version()).toEqual({ name: 'docker', version: '29.0.0', cgroupDriver: 'systemd' })
})
