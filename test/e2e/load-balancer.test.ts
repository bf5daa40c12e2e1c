// A Service of type LoadBalancer, asked from outside the cluster: this machine is a neighbour on the node network.

import { execa } from 'execa'
import { beforeAll, expect, test, vi } from 'vitest'
import type { Service } from '../../api/generated/types.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import { ensureNode, stopNode } from '../../lab/node.ts'
import { readChoices } from '../../lab/state.ts'
import { apply, freshNamespace, getJson, kubectl, lab, onNode, service, testboxPod } from '../support/lab.ts'

const patiently = { timeout: 60_000, interval: 100 }
let namespace: string
let address = ''

const ask = async (path: string, port = 80) => {
  const args = ['--silent', '--max-time', '1', `http://${address}:${port}${path}`]
  return (await execa('curl', args, { reject: false })).stdout
}

async function holders(): Promise<NodeLayout[]> {
  const outputs = await Promise.all(lab.nodes.map((node) => onNode(node, 'ip', '-o', 'addr', 'show', 'dev', 'eth0')))
  return lab.nodes.filter((_, index) => outputs[index]?.stdout.includes(` ${address}/32 `))
}

async function holder(): Promise<NodeLayout> {
  return await vi.waitFor(async () => {
    const [only, ...others] = await holders()
    if (only === undefined || others.length > 0) throw new Error(`${others.length} other nodes hold ${address}`)
    return only
  }, patiently)
}

beforeAll(async () => {
  namespace = await freshNamespace('e2e-balancer')
  await apply(service(namespace, 'web', { type: 'LoadBalancer' }))
  address = await vi.waitFor(async () => {
    const { status } = await getJson<Service>('service', '-n', namespace, 'web')
    const ip = status?.loadBalancer?.ingress?.[0]?.ip
    if (ip === undefined) throw new Error('no address yet')
    return ip
  }, patiently)
  const first = await holder()
  // Behind the address stand pods that outlive the node that holds it.
  for (const node of lab.nodes.filter(({ name }) => name !== first.name))
    await apply({
      ...testboxPod({ namespace, name: `web-${node.name}`, nodeName: node.name }),
      metadata: { namespace, name: `web-${node.name}`, labels: { app: 'web' } },
    })
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
})

test('the address comes from the pool, and one node answers for it', async () => {
  const [from = '', to = ''] = lab.balancerPool.split('-')
  const last = (ip: string) => Number(ip.split('.')[3])
  expect(last(address)).toBeGreaterThanOrEqual(last(from))
  expect(last(address)).toBeLessThanOrEqual(last(to))
  await vi.waitFor(async () => expect(await ask('/hostname')).toMatch(/^web-node-/), patiently)
  expect(await holders()).toHaveLength(1)
})

test('the address is not the node: the port of its agent is refused there', async () => {
  const [{ address: nodeAddress }] = [await holder()]
  const dial = async (host: string) =>
    (await execa('curl', ['-sk', '--max-time', '2', `https://${host}:10250/healthz`], { reject: false })).exitCode
  // 7: connection refused. The node itself answers, if only with a no.
  expect(await dial(nodeAddress)).toBe(0)
  expect(await dial(address)).toBe(7)
})

test('when its node dies another takes it, and gives it back when the node returns', async () => {
  const first = await holder()
  const choices = readChoices(lab.lab)
  if (choices === undefined) throw new Error('the lab has no choices')
  await stopNode(first)
  const died = performance.now()
  await vi.waitFor(async () => expect(await ask('/hostname')).toMatch(/^web-node-/), patiently)
  console.log(`${address} answered again ${(performance.now() - died).toFixed(0)} ms after ${first.name} died`)
  expect((await holder()).name).not.toBe(first.name)
  await ensureNode(lab, first, choices)
  await vi.waitFor(async () => expect((await holder()).name).toBe(first.name), patiently)
  await vi.waitFor(async () => expect(await ask('/hostname')).toMatch(/^web-node-/), patiently)
  await kubectl('wait', '--for=condition=Ready', `node/${first.name}`, '--timeout=60s')
})

test('a Service that is deleted leaves no address on any node', async () => {
  await kubectl('delete', 'service', '-n', namespace, 'web')
  await vi.waitFor(async () => expect(await holders()).toEqual([]), patiently)
  expect(await ask('/hostname')).toBe('')
})
