// Decides a node's conditions and taints. Pure.
// https://kubernetes.io/docs/reference/node/node-status/ and
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions

import type { Node, NodeCondition, NodeStatus, Taint } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { toTimestamp } from '../timestamp.ts'

const prefix = 'node.kubernetes.io'
/** On a node that says that it is not ready. */
const notReadyTaint = `${prefix}/not-ready`
/** On a node that says nothing any more. */
const unreachableTaint = `${prefix}/unreachable`

const pressureTaints: Record<string, string> = {
  MemoryPressure: `${prefix}/memory-pressure`,
  DiskPressure: `${prefix}/disk-pressure`,
  PIDPressure: `${prefix}/pid-pressure`,
  NetworkUnavailable: `${prefix}/network-unavailable`,
}
const unschedulableTaint = `${prefix}/unschedulable`
const ownKeys = new Set([notReadyTaint, unreachableTaint, unschedulableTaint, ...Object.values(pressureTaints)])
/** The conditions that nobody vouches for once the agent is silent. */
const agentConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

/** The node's Ready condition, or undefined before its agent's first report. */
export function readyCondition(status: NodeStatus | undefined): NodeCondition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')
}

/** True if pods may count on the node. */
export function isNodeReady({ status }: Pick<Node, 'status'>): boolean {
  return readyCondition(status)?.status === 'True'
}

/** The conditions of a node that was not heard of in time: what its agent used to say is unknown now. Undefined if they say so. */
export function planSilence({ status }: Stored<Node>, nowMs: number): NodeCondition[] | undefined {
  const present = status?.conditions ?? []
  const isUnknown = (type: string) =>
    present.some((condition) => condition.type === type && condition.status === 'Unknown')
  if (agentConditions.every(isUnknown)) return undefined
  const now = toTimestamp(nowMs)
  const unknown = agentConditions.map((type): NodeCondition => {
    const before = present.find((condition) => condition.type === type)
    if (before?.status === 'Unknown') return before
    const [reason, message] =
      before === undefined
        ? ['NodeStatusNeverUpdated', 'Kubelet never posted node status.']
        : ['NodeStatusUnknown', 'Kubelet stopped posting node status.']
    const lastHeartbeatTime = before?.lastHeartbeatTime ?? now
    return { type, status: 'Unknown', reason, message, lastHeartbeatTime, lastTransitionTime: now }
  })
  return [...present.filter(({ type }) => !agentConditions.includes(type)), ...unknown]
}

/** Undefined if the taints are right. evicts is false while every node is down: then it is us who see nothing. */
export function planTaints(node: Stored<Node>, evicts: boolean, nowMs: number): Taint[] | undefined {
  const present = node.spec.taints ?? []
  const wanted = wantedTaints(node, evicts)
  const isWanted = (taint: Taint) => wanted.some((want) => isSameTaint(want, taint))
  const kept = present.filter((taint) => !isOwn(taint) || isWanted(taint))
  const added = wanted.filter((want) => !present.some((taint) => isSameTaint(want, taint)))
  if (added.length === 0 && kept.length === present.length) return undefined
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: toTimestamp(nowMs) }))]
}

function wantedTaints({ spec, status }: Stored<Node>, evicts: boolean): Taint[] {
  const conditions = status?.conditions ?? []
  const keys = conditions.filter((condition) => condition.status === 'True').map(({ type }) => pressureTaints[type])
  if (spec.unschedulable === true) keys.push(unschedulableTaint)
  const down = downTaint(readyCondition(status))
  const noSchedule = [...keys, down].filter((key) => key !== undefined).map((key) => ({ key, effect: 'NoSchedule' }))
  return evicts && down !== undefined ? [...noSchedule, { key: down, effect: 'NoExecute' }] : noSchedule
}

/** A node that has not reported yet must not get pods either. */
function downTaint(ready: NodeCondition | undefined): string | undefined {
  if (ready?.status === 'True') return undefined
  return ready?.status === 'Unknown' ? unreachableTaint : notReadyTaint
}

const isSameTaint = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect
/** Of our keys, both effects are ours; what users put under other keys stays. */
const isOwn = ({ key, effect }: Taint) => ownKeys.has(key) && (effect === 'NoSchedule' || effect === 'NoExecute')
