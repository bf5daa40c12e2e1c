import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { HTTPGetAction } from '../../../api/generated/types.ts'
import { FakeRuntime } from '../../runtime/fake-runtime.ts'
import { runHandler } from './handler.ts'

let server: Server | undefined

afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

async function probe(listener: RequestListener, action: Partial<HTTPGetAction> = {}) {
  server = createServer(listener)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return await runHandler(
    { httpGet: { port, ...action } },
    {
      runtime: new FakeRuntime(),
      containerId: 'a',
      template: { name: 'app' },
      ip: '127.0.0.1',
      timeoutMs: 1_000,
      userAgent: 'kube-probe/1.35',
    },
  )
}

test('an answer below 400 is a success, any other a failure with its code', async () => {
  expect(await probe((_, response) => response.writeHead(399).end('fine'))).toEqual({ ok: true, output: 'fine' })
  expect(await probe((_, response) => response.writeHead(503).end())).toEqual({
    ok: false,
    output: 'HTTP probe failed with statuscode: 503',
  })
})

test('an answer that never ends counts by its beginning', async () => {
  const result = await probe((_, response) => {
    const more = setInterval(() => response.write('x'.repeat(1_000)), 1)
    response.on('close', () => clearInterval(more))
  })
  expect(result).toEqual({ ok: true, output: 'x'.repeat(1_024) })
})

test('an answer that does not come in time is a failure, begun or not', async () => {
  const { ok, output } = await probe((_, response) => void response.write('x'))
  expect(ok).toBe(false)
  expect(output).toContain('context deadline exceeded')
})
