// What the table of cases has no row for: ports and addresses that nobody serves, source ranges, and clients that stay.

import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../../cni/linux/exec.ts'
import type { Host } from '../support/namespaces.ts'
import { describeAnswer } from './expected.ts'
import type { Ask } from './prober.ts'
import type { CaseResult, PacketSuite } from './run.ts'
import {
  clusterAddresses,
  externalAddresses,
  loadBalancerAddresses,
  type ServiceShape,
  servicePort,
} from './services.ts'
import { type Addresses, type HostName, nodeAddresses, nodeNames, outsideAddresses } from './topology.ts'

/** Indexes that the table does not use. */
const [guardedIndex, shutIndex, stickyIndex, nobodysIndex, emptyIndex, heldIndex] = [200, 201, 202, 203, 204, 205]
const askers = ['client-1', 'client-2', 'node-1', 'outside'] as const
/** IPVS forgets a client only when its connections are forgotten too, which the kernel does once a second. */
const affinityOf = ({ mode }: PacketSuite) =>
  mode === 'ipvs' ? { seconds: 3, protocol: 'udp' as const } : { seconds: 1, protocol: 'tcp' as const }
/** Of a client that is free again to meet any of two endpoints; so many meet one alone in one of a thousand runs. */
const rounds = 10

function shape(index: number, over: Partial<ServiceShape> = {}): ServiceShape {
  return { index, internal: 'Cluster', external: 'Cluster', endpoints: { ready: ['a1', 'b1'] }, ...over }
}

const both = ({ ipv4, ipv6 }: Addresses) => [ipv4, ipv6]
const hostRanges = ({ ipv4, ipv6 }: Addresses) => [`${ipv4}/32`, `${ipv6}/128`]
const toAsks = (addresses: Addresses, port = servicePort): Ask[] =>
  both(addresses).flatMap((ip): Ask[] => [
    ['tcp', ip, port],
    ['udp', ip, port],
  ])

/** One result a scenario. Serves Services of its own beside those of the table. */
export async function runScenarios(suite: PacketSuite): Promise<CaseResult[]> {
  // Ranges within others, too.
  const { ipv4, ipv6 } = outsideAddresses
  const sourceRanges = [...hostRanges(outsideAddresses), `${ipv4}/24`, `${ipv6}/64`]
  const guarded = shape(guardedIndex, { sourceRanges })
  const empty = shape(emptyIndex, { sourceRanges, endpoints: { ready: [] } })
  const shut = shape(shutIndex, { sourceRanges: ['203.0.113.0/24', '2001:db8:1::/48'] })
  const sticky = shape(stickyIndex, { affinitySeconds: affinityOf(suite).seconds })
  const held = shape(heldIndex, { sourceRanges: hostRanges(nodeAddresses['node-1']) })
  await suite.serve(guarded, shut, sticky, empty, held)
  await hold(suite.topology.host('node-1'), loadBalancerAddresses(held))
  const expectAll = async (name: string, hosts: readonly HostName[], asks: Ask[], wanted: RegExp) => ({
    name,
    complaints: await complaintsOf(suite, hosts, asks, wanted),
  })
  const [answered, refused, dropped] = [/^[ab]1 /, /^refused$/, /^$/]
  return [
    await expectAll('other ports of a ClusterIP are refused', askers, toAsks(clusterAddresses(sticky), 81), refused),
    await expectAll(
      'a load balancer address answers whom its source ranges name',
      ['outside'],
      toAsks(loadBalancerAddresses(guarded)),
      answered,
    ),
    await expectAll('and nobody else', ['client-1', 'client-2'], toAsks(loadBalancerAddresses(guarded)), dropped),
    await expectAll(
      'nor anybody outside whom they do not name',
      ['outside'],
      toAsks(loadBalancerAddresses(shut)),
      dropped,
    ),
    await expectAll(
      'without endpoints whom its source ranges name is refused',
      ['outside'],
      toAsks(loadBalancerAddresses(empty)),
      refused,
    ),
    await expectAll(
      'a node that its source ranges name is answered where it has the address itself',
      ['node-1'],
      toAsks(loadBalancerAddresses(held)),
      answered,
    ),
    await expectAll('and others are not', ['outside'], toAsks(loadBalancerAddresses(held)), dropped),
    await expectAll('other doors have no source ranges', ['outside'], toAsks(externalAddresses(shut)), answered),
    await expectAll('nor has the ClusterIP', ['client-1', 'node-1'], toAsks(clusterAddresses(shut)), answered),
    ...(refusesNobodys.includes(suite.mode)
      ? [
          await expectAll(
            'an address that no Service has is refused',
            askers,
            toAsks(clusterAddresses(shape(nobodysIndex))),
            refused,
          ),
          await expectAll(
            'ICMP to a ClusterIP is refused',
            ['client-1', 'outside'],
            both(clusterAddresses(sticky)).map((ip): Ask => ['ping', ip, 0]),
            refused,
          ),
        ]
      : []),
    {
      name: 'a client stays with its endpoint until it has stayed away too long',
      complaints: await stays(suite, sticky),
    },
  ]
}

/** Modes that refuse the whole range of Services; the others know the addresses that Services have. */
const refusesNobodys = ['iptables', 'nftables', 'userspace']

/** The node has a load balancer's addresses, as one of the nodes that announce it. */
async function hold(node: Host, { ipv4, ipv6 }: Addresses): Promise<void> {
  await run('ip', ['address', 'replace', `${ipv4}/32`, 'dev', 'eth0'], node)
  await run('ip', ['address', 'replace', `${ipv6}/128`, 'dev', 'eth0', 'nodad', 'preferred_lft', '0'], node)
}

async function complaintsOf(
  suite: PacketSuite,
  hosts: readonly HostName[],
  asks: Ask[],
  wanted: RegExp,
): Promise<string[]> {
  const all = hosts.map(async (host) => {
    const answers = await suite.prober(host).ask(asks, wanted.test('') ? 1 : 4)
    return asks.flatMap(([protocol, ip, port], at) => {
      const answer = answers[at] ?? ''
      return wanted.test(answer) ? [] : [`${host} asking ${protocol} ${ip} ${port} got ${describeAnswer(answer)}`]
    })
  })
  return (await Promise.all(all)).flat()
}

async function stays(suite: PacketSuite, sticky: ServiceShape): Promise<string[]> {
  const complaints: string[] = []
  const { seconds, protocol } = affinityOf(suite)
  if (suite.mode === 'ipvs') for (const node of nodeNames) await forgetDatagramsSoon(suite.topology.host(node))
  for (const ip of both(clusterAddresses(sticky))) {
    const ask = async (count: number) => {
      const answers = await suite.prober('client-1').ask(
        Array.from({ length: count }, () => [protocol, ip, servicePort] as const),
        4,
      )
      return answers.map((answer) => answer.split(' ')[0] ?? '')
    }
    const [first = ''] = await ask(1)
    const burst = new Set(await ask(12))
    if (burst.size !== 1 || !burst.has(first))
      complaints.push(`${ip}: ${first} was followed by ${[...burst].join(', ')}`)
    const later = new Set<string>()
    for (let round = 0; round < rounds && later.size < 2; round++) {
      await sleep(seconds * 1_000 + 500)
      for (const answer of await ask(1)) later.add(answer)
    }
    if (later.size < 2) complaints.push(`${ip}: still ${[...later].join()} after ${rounds} times the timeout`)
  }
  return complaints
}

/** IPVS remembers a client of UDP for five minutes. */
async function forgetDatagramsSoon(node: Host): Promise<void> {
  await run('ipvsadm', ['--set', '0', '0', '1'], node)
}
