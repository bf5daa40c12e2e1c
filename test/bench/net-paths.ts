// What the pod network costs a packet: throughput and round trip between pods of one node, of two nodes on one switch
// (host-gw) and of two nodes behind a router (VXLAN), each against the same cables between plain namespaces with routes; VXLAN
// also against a tunnel that is nothing but one.

import { join } from 'node:path'
import { run } from '../../cni/linux/exec.ts'
import { step } from '../../host/progress.ts'
import { range } from '../support/figures.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'
import { PodCluster, type TestPod } from '../support/pod-nodes.ts'

const rounds = 7
const seconds = 1
const pingPong = join(import.meta.dirname, 'load', 'ping-pong.py')

interface Path {
  name: string
  /** That the hosts are of; it ends their servers. */
  net: TestNetwork
  from: Host
  to: Host
  address: string
}

/** Prints a row for each path, of pods and plain, and their ratio. */
export async function benchPaths(): Promise<void> {
  const hostGw = await PodCluster.create({ topic: 'bgw', kind: 'host-gw', switches: [1, 1] })
  const vxlan = await PodCluster.create({ topic: 'bvx', kind: 'vxlan', switches: [1, 2] })
  const plain = await TestNetwork.create('bpl')
  try {
    const pairs: [Path, Path][] = []
    await step('paths: nodes, pods and plain namespaces', async () => {
      pairs.push(...(await makePairs(hostGw, vxlan, await makePlain(plain))))
      for (const path of new Set(pairs.flat())) await serve(path)
    })
    for (const [pods, floor] of pairs) await comparePaths(pods, floor)
  } finally {
    await plain.close()
    await vxlan.close()
    await hostGw.close()
  }
}

async function makePairs(hostGw: PodCluster, vxlan: PodCluster, plain: PlainPaths): Promise<[Path, Path][]> {
  const [one, two] = hostGw.nodes
  const [near, far] = vxlan.nodes
  if (one === undefined || two === undefined || near === undefined || far === undefined)
    throw new Error('two nodes each')
  const toPath = (name: string, { net }: PodCluster, from: TestPod, to: TestPod): Path => {
    return { name, net, from: from.host, to: to.host, address: to.ips[0] ?? '' }
  }
  const from = await hostGw.addPod('from', one)
  const tunnelled = toPath('vxlan', vxlan, await vxlan.addPod('from', near), await vxlan.addPod('across', far))
  return [
    [toPath('same node', hostGw, from, await hostGw.addPod('beside', one)), plain.sameNode],
    [toPath('host-gw', hostGw, from, await hostGw.addPod('across', two)), plain.oneSwitch],
    [tunnelled, plain.router],
    [tunnelled, plain.tunnel],
  ]
}

async function comparePaths(pods: Path, plain: Path): Promise<void> {
  const figures = { pods: newFigures(), plain: newFigures() }
  for (let round = 0; round < rounds; round++)
    for (const [which, path] of [
      ['pods', pods],
      ['plain', plain],
    ] as const) {
      figures[which].gbits.push(await throughput(path))
      const [median, slowest] = await roundTrip(path)
      figures[which].medianUs.push(median)
      figures[which].slowestUs.push(slowest)
    }
  for (const which of ['plain', 'pods'] as const) {
    const { gbits, medianUs, slowestUs } = figures[which]
    const name = `path ${pods.name.padEnd(9)} ${(which === 'plain' ? plain.name : which).padEnd(6)}`
    console.log(`${name} throughput ${range(gbits, ' Gbit/s', 1)}`)
    console.log(`${name} round trip ${range(medianUs, ' us', 1)}, 99 of 100 below ${range(slowestUs, ' us', 0)}`)
  }
  const ratio = (key: keyof Figures) =>
    range(
      figures.pods[key].map((value, at) => value / (figures.plain[key][at] ?? Number.NaN)),
      '',
      2,
    )
  console.log(
    `path ${pods.name.padEnd(9)} pods/${plain.name} throughput ${ratio('gbits')}, round trip ${ratio('medianUs')}`,
  )
}

interface Figures {
  gbits: number[]
  medianUs: number[]
  slowestUs: number[]
}

const newFigures = (): Figures => ({ gbits: [], medianUs: [], slowestUs: [] })

async function serve({ net, to }: Path): Promise<void> {
  await net.start(to, 'iperf3', ['-s', '--forceflush'], 'listening')
  await net.start(to, 'python3', [pingPong, 'serve', '9000'], 'listening')
}

async function throughput({ from, address }: Path): Promise<number> {
  const text = await run('iperf3', ['-c', address, '-t', String(seconds), '--json'], from)
  return JSON.parse(text).end.sum_received.bits_per_second / 1e9
}

async function roundTrip({ from, address }: Path): Promise<[number, number]> {
  const words = (await run('python3', [pingPong, 'ask', address, '9000', String(seconds)], from)).trim().split(' ')
  return [Number(words[0]), Number(words[1])]
}

interface PlainPaths {
  sameNode: Path
  oneSwitch: Path
  router: Path
  tunnel: Path
}

/**
 * Hosts a and b on one node, c on another of the same switch, d on one behind the router: routes and nothing else. e and f are
 * beside a and d, with a tunnel between their nodes.
 */
async function makePlain(net: TestNetwork): Promise<PlainPaths> {
  const router = await net.addHost('router')
  const switchLines = [1, 2].flatMap((index) => [
    `link add sw${index} type bridge forward_delay 0`,
    `addr add 10.9.${index}.254/24 dev sw${index}`,
    `link set sw${index} up`,
    // The third node's hosts are on the second switch, those of the first two on the first.
    ...(index === 1 ? [1, 2] : [3]).map((node) => `route add 10.1.${node}.0/24 via 10.9.${index}.${node}`),
  ])
  await batch(router, switchLines)
  const nodes = [await net.addHost('n1'), await net.addHost('n2'), await net.addHost('n3')]
  for (const [index, node] of nodes.entries()) await plugIn(router, node, index + 1)
  const host = async (name: string, node: number, number: number, block = 1): Promise<[Host, string]> => {
    const made = await net.addHost(name)
    const [at] = nodes.slice(node - 1)
    if (at === undefined) throw new Error(`there is no node ${node}`)
    const address = `10.${block}.${node}.${number}`
    const gateway = `10.${block + 100}.${node}.${number}`
    await net.connect(at, `to-${name}`, `${gateway}/32`, made, 'eth0', `${address}/32`)
    await batch(at, [`route add ${address} dev to-${name}`])
    await batch(made, [`route add ${gateway} dev eth0`, `route add default via ${gateway}`])
    return [made, address]
  }
  const [a] = await host('a', 1, 1)
  const [b, c, d] = [await host('b', 1, 2), await host('c', 2, 1), await host('d', 3, 1)]
  const [[e], f] = [await host('e', 1, 1, 2), await host('f', 3, 1, 2)]
  for (const [own, other] of [
    [1, 3],
    [3, 1],
  ] as const)
    await dig(nodes, own, other)
  for (const end of [e, f[0]]) await batch(end, [`link set eth0 mtu ${tunnelMtu}`])
  const path = (from: Host, [to, address]: [Host, string], name = 'plain'): Path => ({ name, net, from, to, address })
  return { sameNode: path(a, b), oneSwitch: path(a, c), router: path(a, d), tunnel: path(e, f, 'tunnel') }
}

/** As pods have it behind VXLAN over cables of 1500. */
const tunnelMtu = 1450

/** A node's end of the tunnel to another, and the route into it. */
async function dig(nodes: readonly Host[], own: number, other: number): Promise<void> {
  const address = (node: number) => `10.9.${node === 3 ? 2 : 1}.${node}`
  const node = nodes[own - 1]
  if (node === undefined) throw new Error(`there is no node ${own}`)
  const ends = `local ${address(own)} remote ${address(other)}`
  await batch(node, [
    `link add tunnel type vxlan id 7 dstport 8472 ${ends} dev eth0`,
    `addr add 10.254.0.${own}/24 dev tunnel`,
    'link set tunnel up',
    `route add 10.2.${other}.0/24 via 10.254.0.${other}`,
  ])
}

async function plugIn(router: Host, node: Host, index: number): Promise<void> {
  const on = index === 3 ? 2 : 1
  await batch(router, [
    `link add n${index} type veth peer name eth0 netns ${node.name}`,
    `link set n${index} master sw${on} up`,
  ])
  const beside =
    index === 1 ? ['route add 10.1.2.0/24 via 10.9.1.2'] : index === 2 ? ['route add 10.1.1.0/24 via 10.9.1.1'] : []
  await batch(node, [
    `addr add 10.9.${on}.${index}/24 dev eth0`,
    'link set eth0 up',
    `route add default via 10.9.${on}.254`,
    ...beside,
  ])
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.bridge.bridge-nf-call-iptables=0'], router)
}

async function batch(host: Host, lines: string[]): Promise<void> {
  await run('ip', ['-batch', '-'], { ...host, input: `${lines.join('\n')}\n` })
}
