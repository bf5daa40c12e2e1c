// An agent that is killed at any moment of writing leaves Services that work, and the next one goes on from there.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServiceChanges } from '../../agent/proxy/backend.ts'
import { type ProxyMode, removeOtherModes } from '../../agent/proxy/modes.ts'
import type { Endpoint, ServicePort } from '../../agent/proxy/table.ts'
import { makeServicePort } from '../../agent/proxy/test-ports.ts'
import { run } from '../../cni/linux/exec.ts'
import { NodeProxy } from '../packets/node-proxy.ts'
import { Caller } from '../support/caller.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const program = join(import.meta.dirname, '..', 'packets', 'main.ts')
const echo = `require('net').createServer((s) => s.on('error', () => s.destroy()).pipe(s)).listen(8080, () => console.log('listening'))`
const kills = 8
/** Where the mode userspace listens. */
const nodeIps = ['192.0.2.1', '2001:db8::1']
const timeoutMs = 90_000

let network: TestNetwork
let node: Host
let client: Host

beforeAll(async () => {
  network = await TestNetwork.create('killed')
  node = await network.addHost('node')
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  for (const ip of nodeIps) await network.ip(node, `address add ${ip} dev lo`)
  client = await addPod('client', 1)
  await network.start(await addPod('server', 2), process.execPath, ['-e', echo], 'listening')
})
afterAll(() => network.close())

async function addPod(name: string, index: number): Promise<Host> {
  const pod = await network.addHost(name)
  await network.connect(node, `to-${name}`, `10.244.${index}.1/24`, pod, 'eth0', `10.244.${index}.2/24`)
  await network.ip(pod, `route add default via 10.244.${index}.1`)
  return pod
}

/** Services that change all the time, enough for many texts and for more than a pipe holds. */
const churning = 300

/** The whole table in its nth state: one Service is always the same, the others have other endpoints, and half of them go. */
function tableOf(state: number): ServiceChanges {
  const changing = Array.from({ length: churning }, (_, index): [string, ServicePort[]] => {
    const isThere = index % 2 === 0 || state % 2 === 0
    const cluster = [0, 1, 2].map((at) => ({ ip: `10.244.${3 + ((index + state) % 200)}.${2 + at}`, port: 80 }))
    return [`default/s${index}`, isThere ? [makePort(`default/s${index}`, 100 + index, cluster)] : []]
  })
  return new Map([['default/stable', [makePort('default/stable', 1, [{ ip: '10.244.2.2', port: 8080 }])]], ...changing])
}

const makePort = (id: string, host: number, endpoints: Omit<Endpoint, 'local'>[]) =>
  makeServicePort({
    id,
    clusterIp: `10.96.${host >> 8}.${host & 255}`,
    cluster: endpoints.map((endpoint) => ({ ...endpoint, local: false })),
  })

const call = () => new Caller(client, '10.96.0.1:80')

const startProxy = (mode: ProxyMode) => NodeProxy.start(node, program, mode, nodeIps)

/** Starts a proxy and kills it while it writes this table, at this part of the whole time: chance would leave gaps. */
async function killWhileWriting(mode: ProxyMode, state: number, killedAtMs: number): Promise<void> {
  const proxy = await startProxy(mode)
  const ended = proxy.apply(tableOf(state)).catch(() => undefined)
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, killedAtMs))])
  await proxy.kill()
}

/** How long a proxy takes from nothing known to the whole table written, with what the one before left. */
async function measureSync(mode: ProxyMode, state: number): Promise<number> {
  const proxy = await startProxy(mode)
  const startedMs = performance.now()
  await proxy.apply(tableOf(state))
  const tookMs = performance.now() - startedMs
  await proxy.kill()
  return tookMs
}

describe.each(['nftables', 'iptables'] satisfies ProxyMode[])('%s', (mode) => {
  afterAll(() => removeOtherModes(undefined, node))

  test(
    'killed at any moment, it leaves Services that work, and the next one writes what is missing',
    async () => {
      await measureSync(mode, 0)
      const syncMs = await measureSync(mode, 1)
      const old = call()
      expect(await old.ask('hello')).toBe('hello')
      for (let index = 0; index < kills; index++) {
        const killedAtMs = (syncMs * (index + 0.5)) / kills
        await killWhileWriting(mode, index, killedAtMs)
        const caller = call()
        const word = `killed after ${killedAtMs.toFixed(0)} of ${syncMs.toFixed(0)} ms`
        expect(await caller.ask(word)).toBe(word)
        expect(await old.ask(word)).toBe(word)
        caller.close()
      }
      const last = await startProxy(mode)
      await last.apply(tableOf(1))
      expect(await last.verify()).toEqual([])
      expect(await old.ask('goodbye')).toBe('goodbye')
      await last.kill()
      old.close()
    },
    timeoutMs,
  )
})

test(
  'userspace: killed while it writes, and while it serves, it serves again when it is back',
  async () => {
    const mode = 'userspace'
    await measureSync(mode, 0)
    const syncMs = await measureSync(mode, 1)
    for (let index = 0; index < kills; index += 2) {
      const killedAtMs = (syncMs * (index + 0.5)) / kills
      await killWhileWriting(mode, index, killedAtMs)
      const next = await startProxy(mode)
      await next.apply(tableOf(index))
      expect(await next.verify()).toEqual([])
      const caller = call()
      const word = `killed after ${killedAtMs.toFixed(0)} of ${syncMs.toFixed(0)} ms`
      expect(await caller.ask(word)).toBe(word)
      await next.kill()
      // It went through the process.
      expect(await caller.ask('still there?')).toBeUndefined()
      caller.close()
    }
    await removeOtherModes(undefined, node)
  },
  timeoutMs,
)
