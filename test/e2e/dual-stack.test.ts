// Pods and Services with an address of each family, on a cluster whose nodes have both.

import { beforeAll, expect, test, vi } from 'vitest'
import type { PodList, Service } from '../../api/generated/types.ts'
import {
  apply,
  execIn,
  freshNamespace,
  getJson,
  kubectl,
  lab,
  onNode,
  service,
  testboxDeployment,
  testboxPod,
} from '../support/lab.ts'

const within = { timeout: 20_000, interval: 100 }
const boxes = lab.nodes.map(({ name }) => ({ node: name, name: `box-${name}` }))
let namespace: string

beforeAll(async () => {
  namespace = await freshNamespace('e2e-dual-stack')
  await apply(
    ...boxes.map(({ name, node }) => testboxPod({ namespace, name, nodeName: node })),
    testboxDeployment({ namespace, name: 'web', replicas: 2 }),
    service(namespace, 'web', { ipFamilyPolicy: 'PreferDualStack' }),
    service(namespace, 'six', {
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv6'],
      selector: { app: 'web' },
      type: 'NodePort',
    }),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=60s')
})

async function addressesOf(selector: string): Promise<Map<string, string[]>> {
  const { items } = await getJson<PodList>('pods', '-n', namespace, ...(selector === '' ? [] : ['-l', selector]))
  return new Map(
    items.map(({ metadata, status }) => [metadata?.name ?? '', (status?.podIPs ?? []).map(({ ip = '' }) => ip)]),
  )
}

const specOf = async (name: string) => (await getJson<Service>('service', '-n', namespace, name)).spec ?? { ports: [] }
const ask = (from: string, url: string) =>
  execIn(namespace, from, 'curl', '--silent', '--show-error', '--fail', '--max-time', '3', url)

test('every pod has an address of each family, the IPv4 one first', async () => {
  for (const addresses of (await addressesOf('')).values())
    expect(addresses).toEqual([expect.stringMatching(/^10\.244\./), expect.stringMatching(/^fd00:10:244:/)])
})

test('pods reach pods on every node by IPv6 and show them their own address', async () => {
  const known = await addressesOf('')
  for (const from of boxes)
    for (const to of boxes) {
      const seen = await ask(from.name, `http://[${known.get(to.name)?.[1]}]:8080/clientip`)
      expect(seen, `${from.name} to ${to.name}`).toContain(known.get(from.name)?.[1])
    }
})

test('a Service that prefers both families is reached by both from every node, and spreads in both', async () => {
  const { clusterIPs = [] } = await specOf('web')
  expect(clusterIPs).toEqual([expect.stringMatching(/^10\.96\./), expect.stringMatching(/^fd00:10:96:/)])
  const backends = [...(await addressesOf('app=web')).keys()].sort()
  for (const url of [`http://${clusterIPs[0]}/hostname`, `http://[${clusterIPs[1]}]/hostname`])
    for (const { name } of boxes)
      await vi.waitFor(async () => {
        const answers = await Promise.all(Array.from({ length: 8 }, () => ask(name, url)))
        expect([...new Set(answers.map((answer) => answer.trim()))].sort()).toEqual(backends)
      }, within)
})

test('a Service of IPv6 alone has no IPv4 address, and its node port answers on every node by IPv6 alone', async () => {
  const { clusterIPs = [], ports = [] } = await specOf('six')
  expect(clusterIPs).toEqual([expect.stringMatching(/^fd00:10:96:/)])
  const port = ports[0]?.nodePort
  const [asking] = lab.nodes
  if (asking === undefined) throw new Error('the lab has nodes')
  const curl = (host: string) =>
    onNode(lab.controlPlane, 'curl', '-s', '--max-time', '3', `http://${host}:${port}/hostname`)
  for (const { address6, address } of lab.nodes) {
    await vi.waitFor(async () => expect((await curl(`[${address6}]`)).stdout).toMatch(/^web-/), within)
    expect((await curl(address)).exitCode).not.toBe(0)
  }
})

test('a node has both of its addresses and both of its ranges in its object', async () => {
  for (const { name, address, address6 } of lab.nodes) {
    const words = '{.status.addresses[?(@.type=="InternalIP")].address} {.spec.podCIDRs[*]}'
    const [first, second, range, range6] = (await kubectl('get', 'node', name, '-o', `jsonpath=${words}`)).split(' ')
    expect([first, second]).toEqual([address, address6])
    expect(range).toMatch(/^10\.244\.\d+\.0\/24$/)
    expect(range6).toMatch(/^fd00:10:244:.*\/64$/)
  }
})
