// An agent that is killed at any moment of writing leaves Services that work, and the next one goes on from there.

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServiceChanges } from '../../agent/proxy/backend.ts'
import { type ProxyMode, removeOtherModes } from '../../agent/proxy/modes.ts'
import type { Endpoint, ServicePort } from '../../agent/proxy/table.ts'
import { makeServicePort } from '../../agent/proxy/test-ports.ts'
import { NodeProxy } from '../packets/node-proxy.ts'
import { Caller } from '../support/caller.ts'
import { makeProxyNode, one, type ProxyNode } from '../support/proxy-node.ts'

const program = join(import.meta.dirname, '..', 'packets', 'main.ts')
const echo = `require('net').createServer((s) => s.on('error', () => s.destroy()).pipe(s)).listen(8080, () => console.log('listening'))`
const kills = 8
/** Where the mode userspace listens. */
const nodeIps = ['192.0.2.1', '::1']
const timeoutMs = 90_000

let net: ProxyNode['net']
let hosts: ProxyNode['hosts']

beforeAll(async () => {
  ;({ net, hosts } = await makeProxyNode('killed'))
  await net.start(hosts.b1, process.execPath, ['-e', echo], 'listening')
})
afterAll(() => net?.close())

/** Services that change all the time, enough for many texts and for more than a pipe holds. */
const churning = 300

/** The whole table in its nth state: one Service is always the same, the others have other endpoints, and half of them go. */
function tableOf(state: number): ServiceChanges {
  const changing = Array.from({ length: churning }, (_, index): [string, ServicePort[]] => {
    const isThere = index % 2 === 0 || state % 2 === 0
    const cluster = [0, 1, 2].map((at) => ({ ip: `10.244.${4 + ((index + state) % 200)}.${2 + at}`, port: 80 }))
    return [`default/s${index}`, isThere ? [makePort(`default/s${index}`, 100 + index, cluster)] : []]
  })
  return new Map([['default/stable', [makePort('default/stable', 1, [one])]], ...changing])
}

const makePort = (id: string, host: number, endpoints: Omit<Endpoint, 'local'>[]) =>
  makeServicePort({
    id,
    clusterIp: `10.96.${host >> 8}.${host & 255}`,
    cluster: endpoints.map((endpoint) => ({ ...endpoint, local: false })),
  })

const call = () => new Caller(hosts.client, '10.96.0.1:80')

const startProxy = (mode: ProxyMode) => NodeProxy.start(hosts.node, program, mode, nodeIps)

/**
 * Starts a proxy and kills it while it writes this table, at this part of the whole time: chance would leave gaps. Resolves to
 * whether it was still at it then.
 */
async function killWhileWriting(mode: ProxyMode, state: number, killedAtMs: number): Promise<boolean> {
  const proxy = await startProxy(mode)
  const writing = proxy.apply(tableOf(state))
  await Promise.race([writing, pause(killedAtMs)])
  await proxy.kill()
  return await writing.then(
    () => false,
    () => true, // what was killed cannot answer any more
  )
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
  afterAll(() => removeOtherModes(undefined, hosts.node))

  test(
    'killed at any moment, it leaves Services that work, and the next one writes what is missing',
    async () => {
      await measureSync(mode, 0)
      const syncMs = await measureSync(mode, 1)
      const old = call()
      expect(await old.ask('hello')).toBe('hello')
      let hits = 0
      for (let index = 0; index < kills; index++) {
        const killedAtMs = (syncMs * (index + 0.5)) / kills
        if (await killWhileWriting(mode, index, killedAtMs)) hits++
        const caller = call()
        const word = `killed after ${killedAtMs.toFixed(0)} of ${syncMs.toFixed(0)} ms`
        expect(await caller.ask(word)).toBe(word)
        expect(await old.ask(word)).toBe(word)
        caller.close()
      }
      expect(hits).toBeGreaterThan(kills / 4)
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
    let hits = 0
    for (let index = 0; index < kills; index += 2) {
      const killedAtMs = (syncMs * (index + 0.5)) / kills
      if (await killWhileWriting(mode, index, killedAtMs)) hits++
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
    expect(hits).toBeGreaterThan(0)
    await removeOtherModes(undefined, hosts.node)
  },
  timeoutMs,
)
