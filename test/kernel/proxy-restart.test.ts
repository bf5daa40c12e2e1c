// What an agent's restart does to the kernel, in each mode that lives there: nothing, when nothing changed; and what somebody
// else took away comes back.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServiceChanges } from '../../agent/proxy/backend.ts'
import { createBackend, type ProxyMode, removeOtherModes } from '../../agent/proxy/modes.ts'
import { run } from '../../cni/linux/exec.ts'
import { makeShapes } from '../packets/cases.ts'
import { portsOn, type ServiceShape, serviceKey } from '../packets/services.ts'
import { clusterCidrs, serviceCidrs } from '../packets/topology.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

let network: TestNetwork
let node: Host

beforeAll(async () => {
  network = await TestNetwork.create('restart')
  node = await network.addHost('node')
})
afterAll(() => network?.close())

/** Every kind of Service that the packet suite knows, and one with source ranges that are not in canonical form. */
const fenced: ServiceShape = {
  index: 200,
  internal: 'Cluster',
  external: 'Local',
  endpoints: { ready: ['a1', 'b1'] },
  sourceRanges: ['192.0.2.7/24', '198.51.100.1/32', '2001:db8::7/64'],
}
const shapes = [...makeShapes().map(({ shape }) => shape), fenced]
const all: ServiceChanges = new Map(shapes.map((shape) => [serviceKey(shape), portsOn('node-1', shape)]))

/** With handles, which change when anything is written anew. */
const listRules = () => run('nft', ['-s', '-a', 'list', 'ruleset'], node)

const start = (mode: ProxyMode) => createBackend(mode, { clusterCidrs, serviceCidrs, netns: node.netns })

describe.each(['iptables', 'nftables'] satisfies ProxyMode[])('%s', (mode) => {
  beforeAll(async () => {
    await removeOtherModes(undefined, node)
    await start(mode).apply(all)
  })
  afterAll(() => removeOtherModes(undefined, node))

  test('a restart with nothing changed writes nothing, and finds nothing amiss', async () => {
    const before = await listRules()
    const backend = start(mode)
    await backend.apply(all)
    await backend.resync()
    expect(await listRules()).toBe(before)
    expect(await backend.verify()).toEqual([])
  })

  test('a change while the agent was away is all that is written', async () => {
    const moved: ServiceShape = { ...fenced, endpoints: { ready: ['a1', 'a2', 'b1'] } }
    const before = new Set((await listRules()).split('\n'))
    await start(mode).apply(new Map([...all, [serviceKey(moved), portsOn('node-1', moved)]]))
    const changed = (await listRules()).split('\n').filter((line) => !before.has(line))
    expect(changed.length).toBeGreaterThan(0)
    expect(changed.filter((line) => line.includes('default/s1:') || line.includes('default/s2:'))).toEqual([])
    await start(mode).apply(all)
  })

  test('rules that somebody flushed are found by name, and come back', async () => {
    const backend = start(mode)
    await backend.apply(all)
    const before = await run('nft', ['-s', 'list', 'ruleset'], node)
    await run(
      'nft',
      mode === 'iptables'
        ? ['flush', 'chain', 'ip', 'nat', 'KUBE-SERVICES']
        : ['flush', 'chain', 'ip', 'kube-proxy', 'services'],
      node,
    )
    const names = (await backend.verify()).map(({ name }) => name)
    expect(names).toEqual([mode === 'iptables' ? 'nat KUBE-SERVICES' : 'ip kube-proxy services'])
    await backend.resync()
    expect(await backend.verify()).toEqual([])
    const sorted = (text: string) => text.split('\n').sort()
    expect(sorted(await run('nft', ['-s', 'list', 'ruleset'], node))).toEqual(sorted(before))
  })

  test('Services that go leave the rules of an empty cluster', async () => {
    const backend = start(mode)
    await backend.apply(new Map([...all.keys()].map((key) => [key, []])))
    expect(await backend.verify()).toEqual([])
    expect(await listRules()).not.toContain('default/s')
    await backend.apply(all)
  })
})

test('a mode that goes leaves nothing', async () => {
  const empty = await listRules()
  for (const mode of ['iptables', 'nftables'] satisfies ProxyMode[]) {
    await start(mode).apply(all)
    await removeOtherModes(undefined, node)
    expect((await listRules()).match(/KUBE-|kube-proxy/g)).toBeNull()
  }
  expect(empty).not.toContain('KUBE')
})
