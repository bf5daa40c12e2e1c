// Breaks a network, sees what a real connection meets, traces, and mends it again.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { endWatch, readWatch, startWatch } from '../../agent/net/watch.ts'
import type { Place } from '../../api/net/state.ts'
import type { Flow, Leg, Trace, TracedPath } from '../../api/net/trace.ts'
import { compareWithReal } from '../../cli/net/trace/proof.ts'
import { traceFlow } from '../../cli/net/trace/trace.ts'
import { formatPlace, World } from '../../cli/net/trace/world.ts'
import { run } from '../../cni/linux/exec.ts'
import { sendPacket } from '../../cni/linux/sender.ts'
import { type BrokenCluster, balancerIp, clusterIps, makeBrokenCluster } from './broken-cluster.ts'
import type { BrokenNetwork } from './cases.ts'

/** Registers a test for each of the networks; all of them share one cluster. */
export function testBrokenNetworks(
  topic: string,
  networks: readonly BrokenNetwork[],
  options: Parameters<typeof makeBrokenCluster>[1] = {},
): void {
  let cluster: BrokenCluster
  beforeAll(async () => {
    cluster = await makeBrokenCluster(topic, options)
  })
  afterAll(async () => await cluster?.close())
  const healthy = whole(networks)
  test('nothing is called broken on the whole network', async () => await expectHealth(cluster, healthy))
  test.each(networks)('$name', async (network) => {
    try {
      if (typeof network.break === 'function') await network.break(cluster)
      else await runAll(cluster, network.break)
      await expectTrace(cluster, network)
      if (network.isServices === true) await expectRepair(cluster, network)
    } finally {
      await runAll(cluster, network.heal)
    }
  })
  test('nothing is called broken once all is healed', async () => await expectHealth(cluster, healthy))
}

/** The ways that the cases break, each once, as they are when nothing is broken. */
function whole(networks: readonly BrokenNetwork[]): BrokenNetwork[] {
  const broken = networks.filter(({ break: lines, isNowhere }) => lines.length > 0 && isNowhere !== true)
  const ways = new Map(broken.map((each) => [[each.from, each.to, each.port, each.protocol].join(), each]))
  const isWell = { expected: { cause: 'none', at: '' }, real: 'answered' } as const
  return [...ways.values()].map(({ sourcePort: _, ...each }) => ({ ...each, ...isWell, break: [], heal: [] }))
}

async function expectHealth(cluster: BrokenCluster, networks: readonly BrokenNetwork[]): Promise<void> {
  for (const network of networks) {
    const flow = makeFlow(cluster, network)
    const { mark, answer, seen } = await sendMarked(cluster, network, flow)
    const traced = await trace(cluster, network, flow)
    const [{ forward, reply, warnings } = fail('a way')] = traced.paths
    const way = `${network.from} to ${network.to}`
    expect({ way, causes: [forward, reply].map((leg) => leg?.end.cause), warnings }).toEqual({
      way,
      causes: ['none', 'none'],
      warnings: [],
    })
    expect(answer.outcome).toBe('answered')
    expect(compareWithReal(traced, mark, answer, seen)).toMatchObject({ agrees: true, differences: [] })
  }
}

async function expectTrace(cluster: BrokenCluster, network: BrokenNetwork): Promise<void> {
  const { expected, real } = network
  const flow = makeFlow(cluster, network)
  // First the real packet, as on a network that has been broken for a while.
  const { mark, answer, seen } = await sendMarked(cluster, network, flow)
  const traced = await trace(cluster, network, flow)
  const [path = fail('a way')] = traced.paths
  expect(describePath(path, expected.as)).toEqual({ cause: expected.cause, at: expected.at })
  if (expected.says !== undefined) expect(explain(path, expected.as)).toMatch(expected.says)
  expect(answer.outcome).toBe(real === 'large' ? 'answered' : real)
  expect(compareWithReal(traced, mark, answer, seen)).toMatchObject({ agrees: true, differences: [] })
}

function describePath({ forward, reply, warnings }: TracedPath, as: BrokenNetwork['expected']['as']) {
  const end = (as === 'reply' ? reply : forward)?.end
  const at = end === undefined ? 'nowhere' : formatPlace(end.place).replace('pod default/', '')
  return { cause: as === 'warning' ? (warnings[0]?.cause ?? 'none') : (end?.cause ?? 'none'), at }
}

function explain({ forward, reply, warnings }: TracedPath, as: BrokenNetwork['expected']['as']): string {
  if (as === 'warning') return warnings[0]?.text ?? ''
  const leg: Leg | undefined = as === 'reply' ? reply : forward
  return `${leg?.end.text} ${leg?.end.rule?.object ?? ''}`
}

async function trace(cluster: BrokenCluster, network: BrokenNetwork, flow: Flow): Promise<Trace> {
  const { from, to } = network
  const world = new World(await cluster.pictures(flow.protocol === 'udp' ? [flow.destination] : []))
  const isService = clusterIps[to] !== undefined || flow.port === 30080 || to === balancerIp
  return traceFlow({
    world,
    flow,
    from: findSender(cluster, world, from),
    ...(isService && { service: `default/${from === 'outside' ? 'web' : to}` }),
  })
}

function findSender(cluster: BrokenCluster, world: World, from: string): Parameters<typeof traceFlow>[0]['from'] {
  const namespace = world.find(findPlace(cluster, from)) ?? fail(from)
  return from === 'outside' ? { entry: { namespace, link: namespace.link('eth0') ?? fail('eth0') } } : { namespace }
}

/** Where the packet is first seen; packets from outside come to node-2. */
function findPlace({ pods }: BrokenCluster, from: string): Place {
  if (from === 'outside') return { node: 'node-2' }
  const node = pods.find(({ name }) => name === from)?.node.name
  return node === undefined ? { node: from } : { node, pod: `default/${from}` }
}

const isSamePlace = (a: Place, b: Place) => a.node === b.node && a.pod === b.pod

function fail(what: string): never {
  throw new Error(`there is no ${what}`)
}

function target(cluster: BrokenCluster, { to, port }: BrokenNetwork): { address: string; port: number } {
  const service = clusterIps[to]
  if (service !== undefined) return { address: service, port: port ?? 80 }
  const pod = cluster.pods.find(({ name }) => name === to)
  return { address: pod?.ip ?? to, port: port ?? 8080 }
}

/** Each packet has a port and a mark of its own: connection tracking knows nothing of it, and what waited for a neighbour is another. */
let nextPort = 41_000

function makeFlow(cluster: BrokenCluster, network: BrokenNetwork): Flow {
  const { address, port } = target(cluster, network)
  const { protocol = 'tcp', sourcePort = nextPort++, from } = network
  const source = from === 'outside' ? { source: '192.0.2.200' } : {}
  return { protocol, destination: address, port, sourcePort, ...source }
}

/** Sends one marked packet, counted everywhere. */
async function sendMarked(cluster: BrokenCluster, { from, real }: BrokenNetwork, flow: Flow) {
  const id = 'suite'
  const mark = nextPort
  const { places } = cluster
  const sender = findPlace(cluster, from)
  const hook = from === 'outside' ? ('prerouting' as const) : ('output' as const)
  await Promise.all(
    places.map((each) =>
      startWatch(
        { id, mark, protocol: flow.protocol, ...(isSamePlace(each.place, sender) && { begin: { hook, flow } }) },
        { netns: each.host.netns },
      ),
    ),
  )
  try {
    // A refusal that comes while the first packet is still being sent counts only when it is sent again, after a second; an answer
    // may wait for neighbours of links that are new.
    const timeoutMs = real === 'silent' ? 500 : 3_000
    const answer = await sendPacket({ ...flow, timeoutMs }, { netns: cluster.host(from).netns })
    const seen = await Promise.all(places.map(({ place, host }) => readWatch(id, place, { netns: host.netns })))
    return { mark, answer, seen: seen.flat() }
  } finally {
    await Promise.all(places.map(({ host }) => endWatch(id, { netns: host.netns })))
  }
}

async function expectRepair(cluster: BrokenCluster, network: BrokenNetwork): Promise<void> {
  const backends = [...cluster.backends.values()]
  const differences = (await Promise.all(backends.map((backend) => backend.verify()))).flat()
  expect(differences.map(({ owner }) => owner).join()).toMatch(/Service/)
  for (const backend of backends) await backend.resync()
  expect((await Promise.all(backends.map((backend) => backend.verify()))).flat()).toEqual([])
  const { answer } = await sendMarked(cluster, network, makeFlow(cluster, network))
  expect(answer.outcome).toBe('answered')
}

async function runAll(cluster: BrokenCluster, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const at = line.indexOf(': ')
    const command = await fill(cluster, line.slice(at + 2))
    await run('sh', ['-c', command], cluster.host(line.slice(0, at)))
  }
}

async function fill(cluster: BrokenCluster, command: string): Promise<string> {
  let filled = command
  for (const [text, what, name = ''] of command.matchAll(/\{(mac|ip|chain) of (\w+)\}/g)) {
    const value =
      what === 'ip' ? cluster.pod(name).ip : what === 'mac' ? await macOf(cluster, name) : await chainOf(cluster, name)
    filled = filled.replace(text, value)
  }
  return filled
}

async function macOf(cluster: BrokenCluster, name: string): Promise<string> {
  const [link] = JSON.parse(await run('ip', ['-json', 'link', 'show', 'eth0'], cluster.host(name)))
  return link.address
}

async function chainOf(cluster: BrokenCluster, name: string): Promise<string> {
  const rules = await run('iptables-save', ['-t', 'nat'], cluster.host('node-1'))
  const pattern = new RegExp(`default/${name} cluster IP".* -j (KUBE-SVC-\\S+)`)
  return pattern.exec(rules)?.[1] ?? fail(`chain of ${name}`)
}
