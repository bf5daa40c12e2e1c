// The mode userspace, judged by what a client notices: a node whose proxy is a process, two pods that serve, one that asks.

import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Endpoint, ServicePort } from '../../agent/proxy/table.ts'
import { makeServicePort } from '../../agent/proxy/test-ports.ts'
import { run } from '../../cni/linux/exec.ts'
import { NodeProxy } from '../packets/node-proxy.ts'
import { type Ask, Prober } from '../packets/prober.ts'
import { clusterIp, makeProxyNode, type ProxyNode } from '../support/proxy-node.ts'

const program = join(import.meta.dirname, '../packets/main.ts')
const nodeIps = ['192.0.2.1', '2001:db8::1']
const names = ['client', 'b1', 'b2'] as const
type PodName = (typeof names)[number]

let net: ProxyNode['net']
let hosts: ProxyNode['hosts']
let proxy: NodeProxy
const probers = new Map<PodName, Prober>()

beforeAll(async () => {
  ;({ net, hosts } = await makeProxyNode('userspace'))
  await net.ip(hosts.node, 'address add 2001:db8::1/64 dev uplink nodad')
  await net.ip(hosts.node, 'route add default via 2001:db8::2')
  await run('sysctl', ['-qw', 'net.ipv6.conf.all.forwarding=1'], hosts.node)
  await Promise.all([startProxy(), ...names.map((name, at) => startPod(name, at + 1))])
})

afterAll(async () => {
  for (const prober of probers.values()) prober.close()
  await proxy?.kill()
  await net?.close()
})

beforeEach(async () => {
  await serve()
  await run('conntrack', ['-F'], hosts.node)
})

/** Gives the pod IPv6 too, and lets it answer and ask. */
async function startPod(name: PodName, index: number): Promise<void> {
  await net.ip(hosts.node, `address add fd00:10:244:${index}::1/64 dev to-${name} nodad`)
  await net.ip(hosts[name], `address add fd00:10:244:${index}::2/64 dev eth0 nodad`)
  await net.ip(hosts[name], `route add default via fd00:10:244:${index}::1`)
  probers.set(name, await Prober.start(hosts[name], name, 2))
}

async function startProxy(): Promise<void> {
  await (proxy as NodeProxy | undefined)?.kill()
  proxy = await NodeProxy.start(hosts.node, program, 'userspace', nodeIps)
}

function prober(): Prober {
  const client = probers.get('client')
  if (client === undefined) throw new Error('nobody asks')
  return client
}

const endpointsAt = (port: number, pods: readonly PodName[]): Endpoint[] =>
  pods.map((pod) => ({ ip: `10.244.${names.indexOf(pod) + 1}.2`, port, local: true }))

const service = (protocol: ServicePort['protocol'], port: number, pods: readonly PodName[]) =>
  makeServicePort({
    id: `default/web:${protocol}`,
    protocol,
    clusterIp,
    cluster: endpointsAt(port, pods),
    local: endpointsAt(port, pods),
  })

const tcp = (...pods: PodName[]) => service('tcp', 8080, pods)
const udp = (...pods: PodName[]) => service('udp', 5353, pods)
const serve = (...ports: ServicePort[]) => proxy.apply(new Map([['default/web', ports]]))
const whoSpoke = (answer: string) => answer.split(' ')[0]

async function ask(...asks: Ask[]): Promise<(string | undefined)[]> {
  const answers: string[] = []
  for (const each of asks) answers.push(...(await prober().ask([each])))
  return answers.map(whoSpoke)
}
const askTcp = (count: number) => ask(...Array.from({ length: count }, (): Ask => ['tcp', clusterIp, 80]))

/** Sockets of the agent in the node. */
async function countListening(): Promise<number> {
  const lines = await run('ss', ['-Hltun'], hosts.node)
  return lines.split('\n').filter((line) => line.includes(nodeIps[0] ?? '')).length
}

const rulesOf = async () =>
  (await run('iptables-save', [], hosts.node)).split('\n').filter((line) => line.startsWith('-A'))

test('connections go to endpoints by turns, and endpoints see the node', async () => {
  await serve(tcp('b1', 'b2'))
  expect(await askTcp(4)).toEqual(['b1', 'b2', 'b1', 'b2'])
  expect((await prober().ask([['tcp', clusterIp, 80]]))[0]).toBe('b1 10.244.2.1')
})

test('with affinity a client stays where it is, by TCP as by UDP', async () => {
  const staying = { affinitySeconds: 60 }
  await serve({ ...tcp('b1', 'b2'), ...staying }, { ...udp('b1', 'b2'), ...staying })
  expect(await askTcp(4)).toEqual(['b1', 'b1', 'b1', 'b1'])
  expect(new Set(await ask(...Array.from({ length: 4 }, (): Ask => ['udp', clusterIp, 80]))).size).toBe(1)
})

test('IPv6 is served as IPv4 is', async () => {
  const six = { family: 'ipv6', clusterIp: 'fd00:10:96::5' } as const
  await serve({ ...tcp(), ...six, cluster: [{ ip: 'fd00:10:244:2::2', port: 8080, local: true }] })
  expect(await prober().ask([['tcp', six.clusterIp, 80]])).toEqual(['b1 fd00:10:244:2::1'])
})

test('an endpoint of UDP is replaced under a client that goes on talking', async () => {
  await serve(udp('b1'))
  const talk = await prober().open(['udp', clusterIp, 80])
  expect([whoSpoke(talk.greeting), whoSpoke(await talk.say())]).toEqual(['b1', 'b1'])
  await serve(udp('b2'))
  expect(whoSpoke(await talk.say())).toBe('b2')
  await talk.close()
})

test('a client of UDP that found nobody is served as soon as there is somebody', async () => {
  await serve(udp())
  const talk = await prober().open(['udp', clusterIp, 80])
  expect(talk.greeting).not.toMatch(/^b/)
  await serve(udp('b1'))
  expect(whoSpoke(await talk.say())).toBe('b1')
  await talk.close()
})

test('a client of UDP without a port gets no answer, and does no harm', async () => {
  await serve(udp('b1'))
  // Source port 0, port 80, 9 bytes, no checksum: a UDP header, and "?".
  const datagram = String.raw`\0\0\0\120\0\011\0\0?`
  await run('sh', ['-c', `printf '${datagram}' | socat -u - ip4-sendto:${clusterIp}:17`], hosts.client)
  expect(await ask(['udp', clusterIp, 80])).toEqual(['b1'])
})

test('a client that has said all hears the answer to all of it', async () => {
  const counting = ['TCP-LISTEN:9000,fork,reuseaddr', 'SYSTEM:wc -c']
  await net.start(
    hosts.b1,
    'sh',
    ['-c', `socat ${counting.map((word) => `'${word}'`).join(' ')} & echo up; wait`],
    'up',
  )
  await serve(service('tcp', 9000, ['b1']))
  const length = 5_000_000
  const answer = await vi.waitFor(
    async () =>
      await run('socat', ['-t10', '-', `TCP:${clusterIp}:80`], { ...hosts.client, input: 'x'.repeat(length) }),
    { timeout: 5_000 },
  )
  expect(answer.trim()).toBe(`${length}`)
})

test('an endpoint that does not answer is passed over', async () => {
  await serve({
    ...tcp('b1', 'b2'),
    cluster: [{ ip: '10.244.2.2', port: 9, local: true }, ...endpointsAt(8080, ['b2'])],
  })
  expect(await askTcp(3)).toEqual(['b2', 'b2', 'b2'])
})

test('open connections drain where they are, and new ones go elsewhere', async () => {
  await serve(tcp('b1'))
  const talk = await prober().open(['tcp', clusterIp, 80])
  await serve({ ...tcp('b2'), draining: endpointsAt(8080, ['b1']) })
  expect([whoSpoke(await talk.say()), ...(await askTcp(2))]).toEqual(['b1', 'b2', 'b2'])
  await talk.close()
})

test('a Service that goes takes its rules and sockets along', async () => {
  await serve()
  const [rules, sockets] = [await rulesOf(), await countListening()]
  await serve(tcp('b1'), udp('b1'))
  expect(await countListening()).toBeGreaterThan(sockets)
  await serve()
  expect([await rulesOf(), await countListening()]).toEqual([rules, sockets])
  expect(await ask(['tcp', clusterIp, 80])).toEqual(['refused'])
})

test('after a restart clients are served again, and those of UDP need not know of it', async () => {
  await serve(tcp('b1'), udp('b1'))
  const talk = await prober().open(['udp', clusterIp, 80])
  expect(whoSpoke(talk.greeting)).toBe('b1')
  await proxy.kill()
  expect(await askTcp(1)).toEqual(['refused'])
  await startProxy()
  await serve(tcp('b1'), udp('b1'))
  expect([...(await askTcp(1)), whoSpoke(await talk.say())]).toEqual(['b1', 'b1'])
  expect(await proxy.verify()).toEqual([])
  await talk.close()
})

test('a restart with nothing changed writes no rule', async () => {
  await serve(tcp('b1'), udp('b1'))
  const listRules = () => run('nft', ['-s', '-a', 'list', 'ruleset'], hosts.node)
  const before = await listRules()
  await startProxy()
  await serve(tcp('b1'), udp('b1'))
  expect(await listRules()).toBe(before)
})

test('rules that somebody flushed are found by name, and come back', async () => {
  await serve(tcp('b1'))
  await run('iptables', ['-t', 'nat', '-F', 'KUBE-SERVICES'], hosts.node)
  expect((await proxy.verify()).map(({ name }) => name)).toEqual(['nat KUBE-SERVICES'])
  await proxy.resync()
  expect([await proxy.verify(), await askTcp(1)]).toEqual([[], ['b1']])
})

test('SCTP is refused, not dropped', async () => {
  await serve(service('sctp', 9999, ['b1']))
  expect(await ask(['sctp', clusterIp, 80])).toEqual(['refused'])
})
