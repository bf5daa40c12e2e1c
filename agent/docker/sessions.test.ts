// Against a daemon that answers as scripted.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type DockerClient, makeDockerClient } from './docker-client.ts'
import { openAttach, openExec, runExec } from './sessions.ts'

let folder: string
let server: Server
let client: DockerClient
/** The daemon's ends of the streams that were opened. */
let streams: Duplex[]
/** Calls that were asked about a process or container after its start. */
let asked: string[]
let rejections: unknown[]
const onRejection = (reason: unknown) => rejections.push(reason)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fl-docker-'))
  ;[streams, asked, rejections] = [[], [], []]
  server = createServer(({ method, url = '' }, response) => {
    if (method === 'POST' && url.endsWith('/exec')) return response.writeHead(201).end('{"Id":"e"}')
    asked.push(url)
    return response.writeHead(404).end('{"message":"No such exec instance: e"}')
  })
  server.on('upgrade', (_request, socket: Duplex) => {
    streams.push(socket)
    socket.on('error', () => undefined).write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
  })
  const path = join(folder, 'docker.sock')
  await new Promise<void>((resolve) => server.listen(path, resolve))
  client = makeDockerClient(path)
  process.on('unhandledRejection', onRejection)
})

afterEach(async () => {
  for (const stream of streams) stream.destroy()
  server.close()
  server.closeAllConnections()
  await settled()
  process.off('unhandledRejection', onRejection)
  rmSync(folder, { recursive: true })
})

const settled = () => new Promise((resolve) => setTimeout(resolve, 50))

test('a terminal that is closed when the daemon knows its process no more breaks nothing', async () => {
  const session = await openExec(client, 'a', { command: ['sh'], stdin: true, tty: true })
  session.close()
  await expect(session.exitCode).rejects.toThrow('No such exec instance')
  await settled()
  expect(rejections).toEqual([])
})

test('an exit code that cannot be had is told to who asks for it, however late', async () => {
  const session = await openExec(client, 'a', { command: ['sh'], stdin: false, tty: false })
  streams[0]?.destroy()
  await settled()
  expect(rejections).toEqual([])
  await expect(session.exitCode).rejects.toThrow('No such exec instance')
})

test('a command whose time is over leaves no connection, whatever the daemon says of it', async () => {
  await expect(runExec(client, 'a', ['sleep', '60'], 10)).rejects.toThrow('No such exec instance')
  streams[0]?.resume() // what is not read never sees its end
  await settled()
  expect(streams.map(({ readableEnded }) => readableEnded)).toEqual([true])
})

test('an attached client hears of the end when the connection breaks', async () => {
  const session = await openAttach(client, 'a', { stdin: false, tty: false })
  // What was not read breaks the connection instead of ending it.
  session.stdin.write('unread')
  await settled()
  streams[0]?.destroy()
  await expect(session.exitCode).rejects.toThrow('No such exec instance')
  expect(asked.map((url) => url.replace(/\?.*/, ''))).toEqual(['/v1.41/containers/a/wait'])
})

test('nobody asks for the end of a container once the client has gone', async () => {
  const session = await openAttach(client, 'a', { stdin: false, tty: false })
  session.close()
  await settled()
  expect(asked).toEqual([])
})
