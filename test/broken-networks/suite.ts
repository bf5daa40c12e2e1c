// Breaks a network, sees what a real connection meets, traces, and mends it again.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NamespaceState } from '../../api/net/state.ts'
import type { Leg, TracedPath } from '../../api/net/trace.ts'
import { traceFlow } from '../../cli/net/trace/trace.ts'
import { formatPlace, World } from '../../cli/net/trace/world.ts'
import { CommandError, run } from '../../cni/linux/exec.ts'
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
}

async function expectTrace(cluster: BrokenCluster, network: BrokenNetwork): Promise<void> {
  const { expected, real } = network
  // First the real packet, as on a network that has been broken for a while.
  const met = await connect(cluster, network)
  const path = await trace(cluster, network)
  expect(describePath(path, expected.as)).toEqual({ cause: expected.cause, at: expected.at })
  if (expected.says !== undefined) expect(explain(path, expected.as)).toMatch(expected.says)
  expect(met).toBe(real === 'large' ? 'works' : real)
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

async function trace(cluster: BrokenCluster, network: BrokenNetwork): Promise<TracedPath> {
  const { from, to, protocol = 'tcp' } = network
  const { address, port } = target(cluster, network)
  const states: NamespaceState[] = await cluster.pictures(protocol === 'udp' ? [address] : [])
  const world = new World(states)
  const entryNode = world.find({ node: 'node-2' })
  const link = entryNode?.link('eth0')
  const node = cluster.pods.find(({ name }) => name === from)?.node.name
  const namespace = node === undefined ? world.find({ node: from }) : world.find({ node, pod: `default/${from}` })
  const isService = clusterIps[to] !== undefined || port === 30080 || to === balancerIp
  const flow = { protocol, destination: address, port, sourcePort: 40_000 }
  const { paths } =
    from === 'outside' && entryNode !== undefined && link !== undefined
      ? traceFlow({
          world,
          flow: { ...flow, source: '192.0.2.200' },
          from: { entry: { namespace: entryNode, link } },
          service: 'default/web',
        })
      : traceFlow({
          world,
          flow,
          from: { namespace: namespace ?? fail(from) },
          ...(isService && { service: `default/${to}` }),
        })
  return paths[0] ?? fail('a way')
}

function fail(what: string): never {
  throw new Error(`there is no ${what}`)
}

function target(cluster: BrokenCluster, { to, port }: BrokenNetwork): { address: string; port: number } {
  const service = clusterIps[to]
  if (service !== undefined) return { address: service, port: port ?? 80 }
  const pod = cluster.pods.find(({ name }) => name === to)
  return { address: pod?.ip ?? to, port: port ?? 8080 }
}

/** What a real connection, or a datagram and its answer, meets. */
async function connect(cluster: BrokenCluster, network: BrokenNetwork): Promise<'lost' | 'refused' | 'works'> {
  const { address, port } = target(cluster, network)
  const shown = address.includes(':') ? `[${address}]` : address
  // A refusal that comes while the first packet is still being sent counts only when it is sent again, after a second.
  const timeout = network.real === 'refused' ? 2.5 : 1
  const place =
    network.protocol === 'udp'
      ? `UDP:${shown}:${port},sourceport=40000`
      : `TCP:${shown}:${port},connect-timeout=${timeout}`
  try {
    const answer = await run('socat', ['-T2', '-t2', '-', place], { ...cluster.host(network.from), input: 'hello\n' })
    return answer === '' ? 'lost' : 'works'
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return /refused|No route to host|unreachable|Permission denied|prohibited/i.test(error.stderr)
      ? refusedOrLost(error.stderr)
      : 'lost'
  }
}

/** "No route to host" is what a failed neighbour on the own link looks like as well. */
function refusedOrLost(stderr: string): 'lost' | 'refused' {
  return /timed out/i.test(stderr) ? 'lost' : 'refused'
}

async function expectRepair(cluster: BrokenCluster, network: BrokenNetwork): Promise<void> {
  const backends = [...cluster.backends.values()]
  const differences = (await Promise.all(backends.map((backend) => backend.verify()))).flat()
  expect(differences.map(({ owner }) => owner).join()).toMatch(/Service/)
  for (const backend of backends) await backend.resync()
  expect((await Promise.all(backends.map((backend) => backend.verify()))).flat()).toEqual([])
  expect(await connect(cluster, network)).toBe('works')
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
