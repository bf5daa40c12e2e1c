// What network policies are in the kernel: how many rules a packet meets, who counts what was dropped, ICMP, and what a
// restart writes.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { NftablesBackend } from '../../agent/policy/nftables/nftables-backend.ts'
import { PolicyTable } from '../../agent/policy/table.ts'
import type { NetworkPolicy } from '../../api/generated/types.ts'
import { run } from '../../cni/linux/exec.ts'
import { listTable, readTable } from '../../cni/linux/nft.ts'
import { TestNetwork } from '../support/namespaces.ts'
import { PolicyWorld, type WorldPod } from '../support/policy-world.ts'

const tableName = 'inet fairlead-policy'
/** A port of the server alone. */
const only = 81
let world: PolicyWorld
let scaleNet: TestNetwork

beforeAll(async () => {
  world = await PolicyWorld.create('polr')
  world.namespaces.set('x', { 'kubernetes.io/metadata.name': 'x' })
  for (const [index, name] of ['server', 'client', 'near'].entries())
    await world.addPod(makePod(name, name === 'client' ? 2 : 1, index + 2), name === 'server' ? [80, only] : [80])
  scaleNet = await TestNetwork.create('polscale')
})

afterEach(() => world.policies.clear())

afterAll(async () => {
  await world?.close()
  await scaleNet?.close()
})

function makePod(name: string, node: number, host: number): WorldPod {
  return {
    namespace: 'x',
    name,
    labels: { app: name },
    node,
    ipv4: `10.244.${node}.${host}`,
    ipv6: `fd00:244:${node}::${host.toString(16)}`,
    ports: [{ name: 'web', containerPort: 80, protocol: 'TCP' }],
  }
}

const policy = (name: string, spec: NetworkPolicy['spec']): NetworkPolicy => ({
  metadata: { namespace: 'x', name },
  ...(spec && { spec }),
})
const onServer = { podSelector: { matchLabels: { app: 'server' } } }

/** Packets that the counter of a policy has seen on the first node. */
async function dropsOf(name: string): Promise<number> {
  const objects = (await listTable(tableName, world.nodes[0]?.host)) as {
    counter?: { name: string; packets: number }
  }[]
  return objects.find(({ counter }) => counter?.name === `drop/x/${name}/ingress`)?.counter?.packets ?? -1
}

async function ping(from: string, address: string): Promise<boolean> {
  const pinging = run('ping', ['-c', '1', '-W', '1', address], world.netnsOf(from))
  return await pinging.then(
    () => true,
    () => false,
  )
}

test.each(['ipv4', 'ipv6'] as const)('ICMP over %s passes by rules without ports alone', async (family) => {
  const address = world.pods.get('x/server')?.[family] ?? ''
  await world.sync()
  expect(await ping('x/client', address)).toBe(true)
  world.setPolicy(policy('p', { ...onServer, ingress: [{ ports: [{ port: 80 }, { protocol: 'UDP' }] }] }))
  await world.sync()
  expect(await ping('x/client', address)).toBe(false)
  world.setPolicy(
    policy('p', { ...onServer, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] }),
  )
  await world.sync()
  expect([await ping('x/client', address), await ping('x/near', address)]).toEqual([true, false])
})

test('an isolated pod is not reached by addresses that no policy knows, of its link and of everybody', async () => {
  const link = await run('ip', ['-6', '-o', 'addr', 'show', 'dev', 'eth0', 'scope', 'link'], world.netnsOf('x/server'))
  const own = /fe80:\S+(?=\/64)/.exec(link)?.[0] ?? ''
  const doors = [
    { protocol: 'tcp', address: `${own}%eth0`, port: only },
    { protocol: 'udp', address: `${own}%eth0`, port: only },
    { protocol: 'udp', address: 'ff02::1%eth0', port: only },
    { protocol: 'udp', address: '224.0.0.1', port: only },
    { protocol: 'udp', address: '10.244.1.255', port: only },
  ] as const
  const ask = (expected: boolean) =>
    world.probe(
      new Map([['x/near', doors.map((door) => ({ ...door, id: `${door.protocol} ${door.address}`, expected }))]]),
    )
  await world.sync()
  expect((await ask(true)).size).toBe(doors.length)
  world.setPolicy(policy('deny', onServer))
  await world.sync()
  expect(await ask(false)).toEqual(new Set())
})

test('a dropped packet is counted for the policies that isolate the pod, and for no other', async () => {
  world.setPolicy(policy('deny', { podSelector: {} }))
  world.setPolicy(policy('server', { ...onServer, ingress: [{ ports: [{ port: 80 }] }] }))
  world.setPolicy(policy('client', { podSelector: { matchLabels: { app: 'client' } } }))
  await world.sync()
  expect(await ping('x/client', world.pods.get('x/server')?.ipv4 ?? '')).toBe(false)
  // The node of the server alone has dropped, and knows nothing of the client's policy.
  expect([await dropsOf('deny'), await dropsOf('server'), await dropsOf('client')]).toEqual([1, 1, 0])
})

test('a restart that changed nothing writes nothing, and counters go on', async () => {
  world.setPolicy(policy('again', { ...onServer, ingress: [{ ports: [{ port: 'web' }] }] }))
  await world.sync()
  await ping('x/client', world.pods.get('x/server')?.ipv4 ?? '')
  const before = await handles()
  world.restartAgents()
  await world.sync()
  expect(await handles()).toBe(before)
  expect(await dropsOf('again')).toBe(1)
})

/** The whole table with the kernel's number of each thing, which a thing written anew does not keep. */
async function handles(): Promise<string> {
  return await run('nft', ['-a', 'list', 'table', ...tableName.split(' ')], world.nodes[0]?.host)
}

test('rules of all protocols are taken by the kernel and read back as written', async () => {
  const protocols = ['TCP', 'UDP', 'SCTP'] as const
  const ports = protocols.flatMap((protocol) => [
    { protocol, port: 80 },
    { protocol, port: 90, endPort: 99 },
    { protocol, port: 'web' },
  ])
  world.setPolicy(policy('all', { ...onServer, ingress: [{ ports }] }))
  await world.sync()
  const text = (await readTable(tableName, world.nodes[0]?.host)) ?? ''
  for (const protocol of protocols) {
    expect(text).toContain(`meta l4proto ${protocol.toLowerCase()} ct reply proto-src @ports-`)
    expect(text).toContain(`ct reply proto-src @named-4-${protocol.toLowerCase()}-web`)
  }
  expect(await world.nodes[0]?.backend.verify()).toEqual([])
})

test('a packet meets as many rules among 1,000 pods as among 10', async () => {
  const counts = await Promise.all([10, 1000].map(countRulesOnTheWay))
  expect(counts[0]).toEqual(counts[1])
  expect(counts[0]?.rules).toBeLessThan(20)
})

/** Rules that a packet to one pod can meet, and members of the set that its policy asks, with so many pods on the node. */
async function countRulesOnTheWay(count: number): Promise<{ rules: number; allRules: number }> {
  const host = await scaleNet.addHost(`n${count}`)
  const table = new PolicyTable()
  const backend = new NftablesBackend(host)
  const labels = { app: 'web' }
  for (let index = 0; index < count; index++) {
    const ips = [`10.244.${1 + (index >> 8)}.${index & 255}`, `fd00:244::${(index + 1).toString(16)}`]
    const key = `x/pod-${index}`
    table.setPod(key, { key, namespace: 'x', labels, ips, local: index === 0, ports: [] })
  }
  table.setNamespace('x', {})
  const spec = {
    podSelector: { matchLabels: labels },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: {} }] }],
  }
  table.setPolicy('x/p', {
    metadata: { namespace: 'x', name: 'p', uid: 'p', resourceVersion: '1', creationTimestamp: '' },
    spec,
  })
  await backend.apply(table.takeChanges())
  const objects = (await listTable(tableName, host)) as {
    rule?: { chain: string }
    set?: { name: string; elem?: unknown[] }
  }[]
  const peers = objects.find(({ set }) => set?.name.startsWith('peers-4-'))?.set
  expect(peers?.elem).toHaveLength(count)
  const chains = ['forward', 'judge', 'ingress', 'pod/x/pod-0/ingress', 'policy/x/p/ingress']
  const all = objects.flatMap(({ rule }) => (rule === undefined ? [] : [rule.chain]))
  return { rules: all.filter((chain) => chains.includes(chain)).length, allRules: all.length }
}
