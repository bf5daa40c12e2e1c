// One decision: filter, score, choose. Pure but for the random choice among equals, which is given.

import type { Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { Filter } from './filters.ts'
import type { NodeInfo } from './node-info.ts'
import type { Candidate, Score } from './scores.ts'

export interface Pipeline {
  filters: readonly Filter[]
  scores: readonly Score[]
  /** From 0 up to, but not including, 1. */
  random(): number
}

export interface Decision {
  /** The node to run on; absent when none fits. */
  nodeName?: string
  /** Why nodes were refused, with the number of nodes. */
  reasons: ReadonlyMap<string, number>
  /** How many nodes were looked at: where the next decision goes on. */
  visited: number
}

/** Chooses a node for the pod. nodes[start] is looked at first, so that all get their turn when not all are needed. */
export function decide(pipeline: Pipeline, pod: Stored<Pod>, nodes: readonly NodeInfo[], start = 0): Decision {
  const wanted = countWanted(nodes.length)
  const candidates: Candidate[] = []
  const reasons = new Map<string, number>()
  let visited = 0
  for (; visited < nodes.length && candidates.length < wanted; visited++) {
    const info = nodes[(start + visited) % nodes.length]
    const node = info?.node
    if (info === undefined || node === undefined) continue
    const why = explain(pipeline.filters, pod, { info, node })
    if (why.length === 0) candidates.push({ info, node })
    for (const reason of why) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  const best = choose(pipeline, pod, candidates)
  return { reasons, visited, ...(best !== undefined && { nodeName: best.info.name }) }
}

/**
 * How many nodes that fit are enough: all up to 100, then a falling part of them.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/scheduler-perf-tuning/
 */
export function countWanted(nodeCount: number): number {
  if (nodeCount <= 100) return nodeCount
  const percentage = Math.max(5, 50 - Math.floor(nodeCount / 125))
  return Math.max(100, Math.floor((nodeCount * percentage) / 100))
}

function explain(filters: readonly Filter[], pod: Stored<Pod>, { info, node }: Candidate): string[] {
  for (const filter of filters) {
    const why = filter.reject(pod, info, node)
    if (why.length > 0) return why
  }
  return []
}

function choose(
  { scores, random }: Pipeline,
  pod: Stored<Pod>,
  candidates: readonly Candidate[],
): Candidate | undefined {
  if (candidates.length <= 1) return candidates[0]
  const totals = new Array<number>(candidates.length).fill(0)
  for (const { weight, rate } of scores) {
    for (const [at, rating] of rate(pod, candidates).entries()) totals[at] = (totals[at] ?? 0) + weight * rating
  }
  const best = totals.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const equals = candidates.filter((_, at) => totals[at] === best)
  return equals[Math.floor(random() * equals.length)]
}

/** Why no node fits, in Kubernetes' words: "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient memory." */
export function formatReasons(nodeCount: number, reasons: ReadonlyMap<string, number>): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods'
  const listed = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort()
  return `0/${nodeCount} nodes are available: ${listed.join(', ')}.`
}
