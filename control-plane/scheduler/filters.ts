// Filters say whether a pod can run on a node. They are pure and look at nothing but their arguments.

import type { Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isWantedNode } from './node-affinity.ts'
import type { NodeInfo } from './node-info.ts'
import { needsOf } from './pod-needs.ts'
import { findUntolerated } from './taints.ts'

export interface Filter {
  readonly name: string
  /** Why the pod cannot run there; nothing if it can. The texts follow a number of nodes in pod events. */
  reject(pod: Stored<Pod>, info: NodeInfo, node: Stored<Node>): string[]
}

const unschedulableTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

const rejectIf = (isRejected: boolean, why: string) => (isRejected ? [why] : [])

const unschedulable: Filter = {
  name: 'NodeUnschedulable',
  reject: ({ spec }, _, node) =>
    rejectIf(
      node.spec.unschedulable === true &&
        findUntolerated([unschedulableTaint], spec.tolerations ?? [], ['NoSchedule']) !== undefined,
      'node(s) were unschedulable',
    ),
}

const taints: Filter = {
  name: 'TaintToleration',
  reject({ spec }, _, node) {
    const effects = ['NoSchedule', 'NoExecute']
    const taint = findUntolerated(node.spec.taints ?? [], spec.tolerations ?? [], effects)
    return taint === undefined ? [] : [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`]
  },
}

const affinity: Filter = {
  name: 'NodeAffinity',
  reject: ({ spec }, _, node) =>
    rejectIf(!isWantedNode(spec, node), "node(s) didn't match Pod's node affinity/selector"),
}

const hostPorts: Filter = {
  name: 'NodePorts',
  reject: (pod, info) =>
    rejectIf(
      needsOf(pod).hostPorts.some((port) => info.hasPort(port)),
      "node(s) didn't have free ports for the requested pod ports",
    ),
}

const resources: Filter = {
  name: 'NodeResourcesFit',
  reject(pod, info) {
    const reasons = rejectIf(info.podCount + 1 > info.allocatable('pods'), 'Too many pods')
    for (const [name, amount] of needsOf(pod).requests) {
      if (amount > 0 && amount > info.allocatable(name) - info.requested(name)) reasons.push(`Insufficient ${name}`)
    }
    return reasons
  },
}

/**
 * In the order tried; the first that refuses a node gives the reasons. A pod that names its node never comes here: it counts as bound.
 */
export const defaultFilters: readonly Filter[] = [unschedulable, taints, affinity, hostPorts, resources]
