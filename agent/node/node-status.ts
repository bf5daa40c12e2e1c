// The Node object and its status. Pure.

import type { ContainerImage, Node, NodeCondition, NodeStatus } from '../../api/generated/types.ts'
import { byteQuantity, formatQuantity } from '../../api/objects/quantity.ts'
import type { Image, RuntimeVersion } from '../runtime/runtime.ts'
import { goArchitecture, type Machine, makeNodeInfo } from './machine.ts'
import type { Pressure } from './pressure.ts'

export interface NodeIdentity {
  name: string
  /** One a family; the first is the one that other programs take. */
  ips: readonly string[]
  /** Where the agent serves logs and exec. */
  port: number
  maxPods: number
  /** Kept on the Node, such as what other nodes must know of this one. */
  annotations?: Record<string, string>
}

export interface NodeFindings {
  runtime: RuntimeVersion | undefined
  /** Why no pod can be run now, or undefined. */
  notReady: string | undefined
  pressure: Pressure
  images: readonly Image[]
  nowMs: number
}

/** As many as Kubernetes' nodes report. */
const longestImageList = 50

/** The Node as it is first created; its pod CIDR is the cluster's to give. */
export function makeNode(identity: NodeIdentity): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: identity.name,
      labels: makeLabels(identity.name),
      ...(identity.annotations && { annotations: identity.annotations }),
    },
    spec: {},
  }
}

/** Labels that the agent keeps on its Node. */
function makeLabels(name: string): Record<string, string> {
  return {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': goArchitecture(),
  }
}

/** What the node can hold; nothing is set aside for the system. */
export function makeCapacity({ cpus, memoryBytes, diskBytes }: Machine, maxPods: number): Record<string, string> {
  return {
    cpu: String(cpus),
    memory: formatQuantity(byteQuantity(memoryBytes)),
    'ephemeral-storage': formatQuantity(byteQuantity(diskBytes)),
    pods: String(maxPods),
  }
}

/** Conditions that have not changed keep their transition time. */
export function makeNodeStatus(
  identity: NodeIdentity,
  machine: Machine,
  old: readonly NodeCondition[],
  findings: NodeFindings,
): NodeStatus {
  const capacity = makeCapacity(machine, identity.maxPods)
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      ...identity.ips.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: identity.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: identity.port } },
    nodeInfo: makeNodeInfo(machine, findings.runtime),
    images: listImages(findings.images),
    conditions: makeConditions(old, findings),
  }
}

function listImages(images: readonly Image[]): ContainerImage[] {
  return [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
    .slice(0, longestImageList)
    .map(({ tags, digests, sizeBytes }) => ({ names: [...digests, ...tags], sizeBytes }))
    .filter(({ names }) => names.length > 0)
}

type Verdict = Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>

function makeConditions(old: readonly NodeCondition[], { notReady, pressure, nowMs }: NodeFindings): NodeCondition[] {
  const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const ready: Verdict =
    notReady === undefined
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: notReady }
  const verdicts = [
    judge('MemoryPressure', pressure.memory, 'KubeletHasInsufficientMemory', 'KubeletHasSufficientMemory', 'memory'),
    judge('DiskPressure', pressure.disk, 'KubeletHasDiskPressure', 'KubeletHasNoDiskPressure', 'disk'),
    judge('PIDPressure', pressure.pids, 'KubeletHasInsufficientPID', 'KubeletHasSufficientPID', 'PID'),
    ready,
  ]
  return verdicts.map((verdict) => {
    const before = old.find(({ type, status }) => type === verdict.type && status === verdict.status)
    return { ...verdict, lastHeartbeatTime: now, lastTransitionTime: before?.lastTransitionTime ?? now }
  })
}

function judge(type: string, under: boolean, badReason: string, goodReason: string, what: string): Verdict {
  const good = what === 'disk' ? 'kubelet has no disk pressure' : `kubelet has sufficient ${what} available`
  const bad = what === 'disk' ? 'kubelet has disk pressure' : `kubelet has insufficient ${what} available`
  return under
    ? { type, status: 'True', reason: badReason, message: bad }
    : { type, status: 'False', reason: goodReason, message: good }
}
