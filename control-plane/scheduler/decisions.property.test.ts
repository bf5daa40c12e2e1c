import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { Cluster } from './cluster.ts'
import { defaultFilters } from './filters.ts'
import { makeNode, makePod, onHostPort } from './make-objects.ts'
import { decide } from './pipeline.ts'
import { defaultScores } from './scores.ts'

interface Shape {
  cpu: number
  memory: number
  port: number
  team: number
  tolerant: boolean
}
type Step = { kind: 'place'; shape: Shape; node: number } | { kind: 'remove'; at: number }

const shape: fc.Arbitrary<Shape> = fc.record({
  cpu: fc.integer({ min: 0, max: 1500 }),
  memory: fc.integer({ min: 0, max: 3000 }),
  port: fc.constantFrom(0, 0, 0, 80, 81),
  team: fc.integer({ min: 0, max: 2 }),
  tolerant: fc.boolean(),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('place' as const), shape, node: fc.nat(3) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(20) }),
)
const nodeShape = fc.record({
  cpu: fc.integer({ min: 500, max: 4000 }),
  memory: fc.integer({ min: 500, max: 8000 }),
  pods: fc.integer({ min: 1, max: 8 }),
  tainted: fc.boolean(),
  cordoned: fc.boolean(),
})

let count = 0
function toPod({ cpu, memory, port, team, tolerant }: Shape): Stored<Pod> {
  const [container] = port === 0 ? [{ name: 'main' }] : onHostPort(port)
  return makePod(`p${++count}`, {
    meta: { labels: { team: String(team) } },
    spec: {
      containers: [{ ...container, name: 'main', resources: { requests: { cpu: `${cpu}m`, memory: `${memory}Mi` } } }],
      tolerations: tolerant ? [{ operator: 'Exists' }] : [],
    },
  })
}

/** The same decision, from scratch and without any thought of speed: the nodes that chance may choose among. */
function dumbBest(pod: Stored<Pod>, nodes: Stored<Node>[], placed: { pod: Stored<Pod>; node: string }[]): string[] {
  const requests = (one: Stored<Pod>) => {
    const { cpu = '', memory = '' } = one.spec.containers[0]?.resources?.requests ?? {}
    return { cpu: Number.parseInt(cpu, 10), memory: Number.parseInt(memory, 10) }
  }
  const team = (one: Stored<Pod>) => one.metadata.labels?.team
  const port = (one: Stored<Pod>) => one.spec.containers[0]?.ports?.[0]?.hostPort
  const sum = (pods: Stored<Pod>[], read: (one: Stored<Pod>) => number) => pods.reduce((all, one) => all + read(one), 0)
  const want = requests(pod)
  const fitting = nodes.flatMap((node) => {
    const here = placed.filter(({ node: name }) => name === node.metadata.name).map((entry) => entry.pod)
    const { cpu = '', memory = '', pods: room } = node.status?.allocatable ?? {}
    const [allCpu, allMemory] = [Number.parseInt(cpu, 10), Number.parseInt(memory, 10)]
    const usedCpu = sum(here, (one) => requests(one).cpu)
    const usedMemory = sum(here, (one) => requests(one).memory)
    const isKept =
      (node.spec.unschedulable === true || (node.spec.taints ?? []).length > 0) && pod.spec.tolerations?.length === 0
    const fits =
      !isKept &&
      here.length < Number(room) &&
      (want.cpu === 0 || usedCpu + want.cpu <= allCpu) &&
      (want.memory === 0 || usedMemory + want.memory <= allMemory) &&
      (port(pod) === undefined || here.every((one) => port(one) !== port(pod)))
    const left = (all: number, used: number) => Math.max(0, all - used) / all
    const least = 50 * (left(allCpu, usedCpu + want.cpu) + left(allMemory, usedMemory + want.memory))
    const same = here.filter((one) => team(one) === team(pod)).length
    return fits ? [{ name: node.metadata.name, least, same }] : []
  })
  const most = Math.max(0, ...fitting.map(({ same }) => same))
  const rated = fitting.map(({ name, least, same }) => ({
    name,
    total: least + 2 * (most === 0 ? 100 : 100 - (100 * same) / most),
  }))
  const best = Math.max(...rated.map(({ total }) => total))
  return rated.filter(({ total }) => Math.abs(total - best) < 1e-9).map(({ name }) => name)
}

test('after any history, the decision is the one that a fresh and simple look at everything gives', () => {
  fc.assert(
    fc.property(
      fc.array(nodeShape, { minLength: 1, maxLength: 4 }),
      fc.array(step, { maxLength: 30 }),
      shape,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (shapes, steps, wanted, chance) => {
        const nodes = shapes.map(({ cpu, memory, pods, tainted, cordoned }, at) =>
          makeNode(`n${at}`, {
            allocatable: { cpu: `${cpu}m`, memory: `${memory}Mi`, pods: String(pods) },
            spec: { unschedulable: cordoned, taints: tainted ? [{ key: 'a', effect: 'NoSchedule' }] : [] },
          }),
        )
        const cluster = new Cluster()
        for (const node of nodes) cluster.setNode(node)
        const placed: { pod: Stored<Pod>; node: string }[] = []
        for (const one of steps) {
          if (one.kind === 'place') {
            const entry = { pod: toPod(one.shape), node: `n${one.node}` }
            placed.push(entry)
            cluster.assume(entry.pod, entry.node)
          } else {
            const [entry] = placed.splice(one.at, 1)
            if (entry !== undefined) cluster.removePod(entry.pod.metadata.uid)
          }
        }
        const pod = toPod(wanted)
        const pipeline = { filters: defaultFilters, scores: defaultScores, random: () => chance }
        const { nodeName } = decide(pipeline, pod, cluster.nodes)
        const best = dumbBest(pod, nodes, placed)
        if (nodeName === undefined) expect(best).toEqual([])
        else expect(best).toContain(nodeName)
      },
    ),
    { numRuns: 500 },
  )
})
