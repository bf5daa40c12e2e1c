// Against a daemon that answers as scripted.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { isStatus, makeDockerClient, messageOf } from './docker-client.ts'
import { DockerRuntime } from './docker-runtime.ts'

let server: Server | undefined
const folders: string[] = []
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** Returns the path of its socket. */
async function serve(listener: RequestListener): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fl-docker-'))
  folders.push(folder)
  const path = join(folder, 'docker.sock')
  server = createServer(listener)
  await new Promise<void>((resolve) => server?.listen(path, resolve))
  return path
}

test.each(['', '{"StatusCode":'])('an answer that breaks off behind %j throws', async (begun) => {
  const path = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    response.write(begun)
    setTimeout(() => response.destroy(), 20)
  })
  await expect(makeDockerClient(path).getContainer('a').wait()).rejects.toThrow('aborted')
})

test("the daemon's refusal has its code and its words", async () => {
  const path = await serve((_, response) => {
    response.writeHead(409, { 'content-type': 'application/json' }).end('{"message":"container a is not running"}')
  })
  const error = await makeDockerClient(path)
    .getContainer('a')
    .kill()
    .catch((thrown: unknown) => thrown)
  expect([isStatus(error, 409), messageOf(error)]).toEqual([true, 'container a is not running'])
})

test('a sandbox that does not run has been stopped, and nobody waits for the end of one that starts now', async () => {
  const asked: (string | undefined)[] = []
  const path = await serve(({ url }, response) => {
    asked.push(url)
    // As Docker answers `wait`: the rest comes when the container ends.
    if (url?.endsWith('/wait')) response.writeHead(200).flushHeaders()
    else response.writeHead(409).end('{"message":"container a is not running"}')
  })
  await new DockerRuntime({ socketPath: path }).stopSandbox('a')
  expect(asked).toEqual(['/v1.41/containers/a/kill'])
})
