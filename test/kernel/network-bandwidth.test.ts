// Rates of pods, measured.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import type { Host } from '../support/namespaces.ts'
import { PodCluster, type PodNode, type TestPod } from '../support/pod-nodes.ts'

let cluster: PodCluster
let node: PodNode
let limited: TestPod
let free: TestPod

const million = 1_000_000
const bandwidth = {
  ingressRate: 20 * million,
  ingressBurst: 2 * million,
  egressRate: 40 * million,
  egressBurst: 4 * million,
}

beforeAll(async () => {
  cluster = await PodCluster.create({ topic: 'rate', kind: 'host-gw', switches: [1] })
  const [one] = cluster.nodes
  if (one === undefined) throw new Error('there is a node')
  node = one
  limited = await cluster.addPod('limited', node, { bandwidth })
  free = await cluster.addPod('free', node)
  for (const { host } of [limited, free]) await cluster.net.start(host, 'iperf3', ['-s', '--forceflush'], 'listening')
})
afterAll(() => cluster?.close())

/** Mbit a second that arrived within two seconds, after one. */
async function rate(from: Host, to: string): Promise<number> {
  const text = await run('iperf3', ['-c', to, '-t', '2', '-O', '1', '--json'], from)
  return JSON.parse(text).end.sum_received.bits_per_second / million
}

test('what a limited pod gets and sends keeps to its rates, in both families', async () => {
  const [ipv4 = '', ipv6 = ''] = limited.ips
  for (const [address, own] of [
    [ipv4, free.ips[0]],
    [ipv6, free.ips[1]],
  ] as const) {
    const [gets, sends] = [await rate(free.host, address), await rate(limited.host, own ?? '')]
    expect(gets).toBeGreaterThan(14)
    expect(gets).toBeLessThan(21)
    expect(sends).toBeGreaterThan(30)
    expect(sends).toBeLessThan(42)
  }
})

test('a pod without annotations is held back by nothing', async () => {
  expect(await rate(node.host, free.ips[0] ?? '')).toBeGreaterThan(200)
})

test('a rate that others took away is found and put back', async () => {
  const [link = ''] = /veth[0-9a-f]{10}/.exec(await node.show('tc', 'qdisc', 'show')) ?? []
  expect(await node.show('tc', 'qdisc', 'show', 'dev', link)).toContain('rate 20Mbit')
  await node.show('tc', 'qdisc', 'del', 'dev', link, 'root')
  await run('tc', ['qdisc', 'del', 'dev', 'eth0', 'root'], limited.host)
  const differences = await node.ask('verify')
  expect(differences.map(({ detail, owner }) => `${detail} ${owner}`).sort()).toEqual([
    'the rate of eth0 is gone Pod default/limited',
    `the rate of ${link} is gone Pod default/limited`,
  ])
  await node.ask('repair')
  expect(await node.ask('verify')).toEqual([])
  expect(await rate(free.host, limited.ips[0] ?? '')).toBeLessThan(21)
})
