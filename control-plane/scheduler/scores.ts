// Scores say which of the nodes that fit is best. They are pure; each gives every node 0 to 100.

import type { Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { sumPreferences } from './node-affinity.ts'
import type { NodeInfo } from './node-info.ts'
import { needsOf } from './pod-needs.ts'
import { tolerates } from './taints.ts'

/** A node that fits, with its registration at hand. */
export interface Candidate {
  info: NodeInfo
  node: Stored<Node>
}

export interface Score {
  readonly name: string
  /** How much it counts beside the others. */
  readonly weight: number
  /** One number from 0 to 100 for each candidate; the higher the better. */
  rate(pod: Stored<Pod>, candidates: readonly Candidate[]): number[]
}

/** Prefers the node that has the larger part of its cpu and memory left with the pod on it. */
const leastAllocated: Score = {
  name: 'NodeResourcesFit',
  weight: 1,
  rate(pod, candidates) {
    const { usualCpuMilli, usualMemoryBytes } = needsOf(pod)
    return candidates.map(({ info }) => {
      const cpu = partLeft(info.allocatable('cpu'), info.usualCpuMilli + usualCpuMilli)
      const memory = partLeft(info.allocatable('memory'), info.usualMemoryBytes + usualMemoryBytes)
      return (100 * (cpu + memory)) / 2
    })
  },
}

const partLeft = (all: number, used: number) => (all <= 0 || used > all ? 0 : (all - used) / all)

/** Prefers nodes that have few pods of the same workload. */
const spread: Score = {
  name: 'WorkloadSpread',
  weight: 2,
  rate(pod, candidates) {
    const { workload } = needsOf(pod)
    return workload === undefined
      ? candidates.map(() => 0)
      : preferFew(candidates.map(({ info }) => info.countOf(workload)))
  },
}

const preferredAffinity: Score = {
  name: 'NodeAffinity',
  weight: 2,
  rate: ({ spec }, candidates) => preferMany(candidates.map(({ node }) => sumPreferences(spec, node))),
}

const preferredTaints: Score = {
  name: 'TaintToleration',
  weight: 3,
  rate: ({ spec }, candidates) => preferFew(candidates.map(({ node }) => countRepelling(spec.tolerations ?? [], node))),
}

function countRepelling(tolerations: Parameters<typeof tolerates>[0][], node: Stored<Node>): number {
  return (node.spec.taints ?? []).filter(
    (taint) => taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint)),
  ).length
}

function preferMany(counts: number[]): number[] {
  const most = counts.reduce((a, b) => Math.max(a, b), 0)
  return counts.map((count) => (most === 0 ? 0 : (100 * count) / most))
}

const preferFew = (counts: number[]) => preferMany(counts).map((part) => 100 - part)

/** All that count, in no particular order. */
export const defaultScores: readonly Score[] = [leastAllocated, spread, preferredAffinity, preferredTaints]
