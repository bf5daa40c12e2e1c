// The truth table of network policies: after every step, real packets from every pod to every pod, on both ports, by both
// protocols and both families, over two nodes; compared with what the words of the API say.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { cases } from '../support/policy-cases.ts'
import { isAllowed, type Traffic } from '../support/policy-reference.ts'
import { PolicyWorld, type WorldPod } from '../support/policy-world.ts'
import type { Probe } from '../support/prober.ts'

const names = ['x', 'y', 'z']
let world: PolicyWorld
let pods: WorldPod[]

beforeAll(async () => {
  world = await PolicyWorld.create('pol')
  pods = names.flatMap((namespace, row) => ['a', 'b', 'c'].map((name, column) => makePod(namespace, name, row, column)))
  await Promise.all(pods.map((pod) => world.addPod(pod, [80, 81])))
})

afterAll(async () => await world?.close())

beforeEach(() => {
  world.policies.clear()
  for (const name of names) world.namespaces.set(name, { ns: name, 'kubernetes.io/metadata.name': name })
  for (const pod of pods) world.pods.set(`${pod.namespace}/${pod.name}`, pod)
})

/** Neighbours in the table are on different nodes. */
function makePod(namespace: string, name: string, row: number, column: number): WorldPod {
  const node = ((row + column) % 2) + 1
  const host = 2 + row * 3 + column
  return {
    namespace,
    name,
    labels: { pod: name },
    node,
    ipv4: `10.244.${node}.${host}`,
    ipv6: `fd00:244:${node}::${host}`,
    ports: [
      { name: 'web', containerPort: name === 'b' ? 81 : 80, protocol: 'TCP' },
      { name: 'serve-80-udp', containerPort: 80, protocol: 'UDP' },
      { name: 'serve-81-udp', containerPort: 81, protocol: 'UDP' },
    ],
  }
}

function everyTraffic(): Traffic[] {
  const list = [...world.pods.values()]
  const doors = (['ipv4', 'ipv6'] as const).flatMap((family) =>
    (['TCP', 'UDP'] as const).flatMap((protocol) => [80, 81].map((port) => ({ family, protocol, port }))),
  )
  return list.flatMap((from) => list.flatMap((to) => doors.map((door) => ({ from, to, ...door }))))
}

const describe = ({ from, to, family, protocol, port }: Traffic) =>
  `${from.namespace}/${from.name} to ${to.namespace}/${to.name} ${protocol} ${port} ${family}`

/** What packets and words say differently, both ways. */
async function compare(): Promise<{ lost: string[]; leaked: string[] }> {
  const cluster = { namespaces: world.namespaces, policies: [...world.policies.values()] }
  const expected = new Set(
    everyTraffic().flatMap((traffic) => (isAllowed(cluster, traffic) ? [describe(traffic)] : [])),
  )
  const probes = new Map<string, Probe[]>()
  for (const traffic of everyTraffic()) {
    const { from, to, family, protocol, port } = traffic
    const id = describe(traffic)
    const key = `${from.namespace}/${from.name}`
    const probe = {
      id,
      protocol: protocol === 'TCP' ? 'tcp' : 'udp',
      address: to[family],
      port,
      expected: expected.has(id),
    } as const
    probes.set(key, [...(probes.get(key) ?? []), probe])
  }
  const answered = await world.probe(probes)
  return {
    lost: [...expected].filter((id) => !answered.has(id)),
    leaked: [...answered].filter((id) => !expected.has(id)),
  }
}

test.each(cases)('%s', async (_name, steps) => {
  await world.sync()
  if (steps.length === 0) expect(await compare()).toEqual({ lost: [], leaked: [] })
  for (const [index, step] of steps.entries()) {
    step(world)
    await world.sync()
    expect(await compare(), `after step ${index + 1}`).toEqual({ lost: [], leaked: [] })
    for (const { backend } of world.nodes) expect(await backend.verify()).toEqual([])
  }
})
