import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test, vi } from 'vitest'
import type { CaptureRequest } from '../../api/net/capture.ts'
import { Captures } from './capture.ts'

const captures = new Captures({ nodeName: 'node-1', runtime: { listSandboxes: async () => [] } })
const request: CaptureRequest = { device: 'eth0', filter: '', durationMs: 1000, maxBytes: 1000, snaplen: 100 }

/** Nothing is started for these: the request and the response are not touched. */
const ask = (more: object) =>
  captures.capture({ ...request, ...more } as CaptureRequest, {} as IncomingMessage, {} as ServerResponse)

test.each([
  [{ device: '-w' }, 'device: bad name "-w"'],
  [{ device: '../../etc' }, 'device: bad name'],
  [{ device: undefined }, 'device: bad name'],
  [{ filter: 'x'.repeat(5_000) }, 'filter: must be a text of at most 4000 characters'],
  [{ filter: '-w /tmp/x' }, "can't parse filter expression"],
  [{ filter: 'tcp port' }, 'filter "tcp port": can\'t parse filter expression: syntax error'],
  [{ durationMs: 0 }, 'durationMs: must be 1 to 600000'],
  [{ maxBytes: 1e12 }, 'maxBytes: must be 1 to'],
  [{ snaplen: 1.5 }, 'snaplen: must be 1 to'],
  [{ pod: 7 }, 'pod: must be NAMESPACE/NAME'],
  [{ pod: 'default/gone' }, 'pod "default/gone" has no network of its own here'],
])('a request that makes no sense is refused: %j', async (more, reason) => {
  await expect(ask(more)).rejects.toThrow(reason)
})

test('a node without tcpdump says so', async () => {
  vi.stubEnv('PATH', '/nowhere')
  await expect(ask({})).rejects.toThrow('node-1 has no tcpdump: install it there')
  vi.unstubAllEnvs()
})

test('of many requests at once no more are granted than may run', async () => {
  const gate = Promise.withResolvers<never[]>()
  const slow = new Captures({ nodeName: 'node-1', runtime: { listSandboxes: () => gate.promise } })
  const some = { socket: {} } as IncomingMessage
  const refused: string[] = []
  const asked = Array.from({ length: 66 }, async () => {
    const told = await slow.capture({ ...request, pod: 'default/gone' }, some, {} as ServerResponse).catch(String)
    if (told?.includes('64 captures are running on this node')) refused.push(told)
  })
  await vi.waitFor(() => expect(refused).toHaveLength(2), { timeout: 20_000 })
  gate.resolve([])
  await Promise.all(asked)
  expect(refused).toHaveLength(2)
})

test('pods that are not here do not hide the links of the node', async () => {
  const hops = await captures.hops(['default/gone'])
  expect(hops.every(({ place }) => place.node === 'node-1' && place.pod === undefined)).toBe(true)
})
