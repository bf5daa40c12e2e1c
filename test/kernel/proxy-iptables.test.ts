// The iptables backend, judged by packets: a node with two backends behind it, a client pod, and a host outside.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { IptablesBackend } from '../../agent/proxy/iptables/iptables-backend.ts'
import { removeProxyRules } from '../../agent/proxy/iptables/remove.ts'
import type { ServicePort } from '../../agent/proxy/table.ts'
import { run } from '../../cni/linux/exec.ts'
import type { Host, TestNetwork } from '../support/namespaces.ts'
import { clusterIp, makeProxyNode, one, two, web } from '../support/proxy-node.ts'

const clusterCidr = '10.244.0.0/16'
let net: TestNetwork
let node: Host
let client: Host
let outside: Host
let backend: IptablesBackend
let backends: Record<'b1' | 'b2', Host>

beforeAll(async () => {
  const made = await makeProxyNode('proxy')
  net = made.net
  ;({ node, client, outside } = made.hosts)
  backends = { b1: made.hosts.b1, b2: made.hosts.b2 }
  for (const [name, host] of Object.entries(backends)) {
    await net.serve(host, 'tcp', 8080, name)
    await net.serve(host, 'udp', 5353, name)
  }
})

afterAll(() => net?.close())

async function serve(...ports: ServicePort[]): Promise<void> {
  await removeProxyRules(node)
  backend = new IptablesBackend({ clusterCidrs: [clusterCidr], netns: node.netns })
  await backend.apply(new Map([['default/web', ports]]))
}

const rulesOf = async () => (await run('iptables-save', [], node)).replace(/^[#:].*$/gm, '')

/** Names of the backends that answered this many new connections. */
async function answerers(from: Host, address: string, port: number, count: number): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => net.askTcp(from, address, port)))
  return answers.map((answer) => answer.split(' ')[0] ?? '')
}

test("a ClusterIP spreads connections over all endpoints, and the pod's own address arrives", async () => {
  await serve(web())
  const answers = await Promise.all(Array.from({ length: 40 }, () => net.askTcp(client, clusterIp, 80)))
  expect(new Set(answers)).toEqual(new Set(['b1 10.244.1.2', 'b2 10.244.1.2']))
})

test('the node itself reaches a ClusterIP', async () => {
  await serve(web({ cluster: [one] }))
  expect(await net.askTcp(node, clusterIp, 80)).toMatch(/^b1 /)
})

test('a ClusterIP answers on its own ports only', async () => {
  await serve(web())
  expect(await net.askTcp(client, clusterIp, 81)).toBe('')
})

test('a backend reaches itself through its Service', async () => {
  await serve(web({ cluster: [one] }))
  expect(await net.askTcp(backends.b1, clusterIp, 80)).toMatch(/^b1 /)
})

test('a Service without endpoints refuses at once, on its address and its node port', async () => {
  await serve(web({ cluster: [] }))
  const refused = async (from: Host, address: string, port: number) =>
    await run('socat', ['-', `TCP:${address}:${port},connect-timeout=3`], { ...from, input: '' }).then(
      () => 'answered',
      (error: Error) => error.message,
    )
  expect(await refused(client, clusterIp, 80)).toContain('refused')
  expect(await refused(outside, '192.0.2.1', 30080)).toContain('refused')
})

test('a node port takes traffic from outside and hides the caller behind the node', async () => {
  await serve(web({ cluster: [one] }))
  expect(await net.askTcp(outside, '192.0.2.1', 30080)).toBe('b1 10.244.2.1')
})

test("externalTrafficPolicy Local keeps the caller's address and uses this node's endpoints alone", async () => {
  await serve(web({ externalPolicy: 'Local', cluster: [one, two], local: [two] }))
  expect(await answerers(outside, '192.0.2.1', 30080, 10)).toEqual(Array(10).fill('b2'))
  expect(await net.askTcp(outside, '192.0.2.1', 30080)).toBe('b2 192.0.2.2')
})

test('with affinity a client stays with its endpoint', async () => {
  await serve(web({ affinitySeconds: 60 }))
  expect(new Set(await answerers(client, clusterIp, 80, 1)).size).toBe(1)
  const later = await answerers(client, clusterIp, 80, 20)
  expect(new Set(later).size).toBe(1)
})

test('an endpoint that goes gets no new connection', async () => {
  await serve(web())
  await backend.apply(new Map([['default/web', [web({ cluster: [two] })]]]))
  expect(await answerers(client, clusterIp, 80, 20)).toEqual(Array(20).fill('b2'))
})

test('UDP is served too', async () => {
  await serve(
    web({ id: 'default/web:dns', protocol: 'udp', port: 53, nodePort: undefined, cluster: [{ ...one, port: 5353 }] }),
  )
  const answer = await run('socat', ['-T2', '-', `UDP:${clusterIp}:53`], { ...client, input: 'who\n' })
  expect(answer.trim()).toBe('b1 10.244.1.2')
})

test('a new life that wants the same writes nothing: counters go on', async () => {
  await serve(web())
  await answerers(client, clusterIp, 80, 5)
  const counted = await run('iptables-save', ['-c', '-t', 'nat'], node)
  expect(counted).toMatch(/^\[[1-9]\d*:\d+\] -A KUBE-SERVICES -d 10\.96\.0\.5/m)
  await new IptablesBackend({ clusterCidrs: [clusterCidr], netns: node.netns }).apply(
    new Map([['default/web', [web()]]]),
  )
  expect((await run('iptables-save', ['-c', '-t', 'nat'], node)).replace(/^#.*$/gm, '')).toBe(
    counted.replace(/^#.*$/gm, ''),
  )
})

test('rules of Services that went while nobody looked are removed', async () => {
  await serve(web(), web({ id: 'default/old', clusterIp: '10.96.0.9', nodePort: 30081 }))
  await new IptablesBackend({ clusterCidrs: [clusterCidr], netns: node.netns }).apply(
    new Map([['default/web', [web()]]]),
  )
  expect(await rulesOf()).not.toContain('default/old')
  expect(await net.askTcp(client, clusterIp, 80)).toMatch(/^b/)
})

test('rules that somebody flushed come back with the next comparison', async () => {
  await serve(web())
  await run('iptables', ['-t', 'nat', '-F'], node)
  expect(await net.askTcp(client, clusterIp, 80)).toBe('')
  await backend.resync()
  expect(await net.askTcp(client, clusterIp, 80)).toMatch(/^b/)
})

test("another firewall's rules are left alone, and nothing of ours stays after removal", async () => {
  await removeProxyRules(node)
  await run('iptables', ['-A', 'INPUT', '-s', '203.0.113.0/24', '-j', 'DROP'], node)
  const before = await rulesOf()
  await serve(
    web({ affinitySeconds: 10 }),
    web({ id: 'default/none', clusterIp: '10.96.0.9', cluster: [], nodePort: 30082 }),
  )
  expect(await rulesOf()).toContain('KUBE-SVC-')
  await removeProxyRules(node)
  const trim = (rules: string) => rules.split('\n').filter((line) => line.startsWith('-A'))
  expect(trim(await rulesOf())).toEqual(trim(before))
})
