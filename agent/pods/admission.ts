// The node's own last word: a pod that does not fit is refused for good, however it got its node. Pure.

import type { Container as ContainerTemplate } from '../../api/generated/types.ts'
import { toMilli, toValue } from '../../api/objects/quantity.ts'
import { isSidecar, isTerminal, type StoredPod } from './pod.ts'

export interface Refusal {
  reason: string
  message: string
}

/** Why the pod cannot run beside the others, or undefined. */
export function refusePod(
  pod: StoredPod,
  others: readonly StoredPod[],
  allocatable: Record<string, string>,
): Refusal | undefined {
  const live = others.filter((other) => other.metadata.uid !== pod.metadata.uid && !isTerminal(other.status?.phase))
  return refuseAmounts(pod, live, allocatable) ?? refusePorts(pod, live)
}

function refuseAmounts(
  pod: StoredPod,
  live: readonly StoredPod[],
  allocatable: Record<string, string>,
): Refusal | undefined {
  const podLimit = toValue(allocatable.pods ?? '110')
  if (live.length + 1 > podLimit) return outOf('pods', 1, live.length, podLimit)
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const requested = requestOf(pod, name)
    const used = live.reduce((sum, other) => sum + requestOf(other, name), 0)
    const capacity = amount(name, allocatable[name])
    if (allocatable[name] !== undefined && requested > 0 && used + requested > capacity)
      return outOf(name, requested, used, capacity)
  }
  return undefined
}

const outOf = (name: string, requested: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${name}`,
  message: `Pod was rejected: Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
})

/** What the pod reserves: its apps and sidecars together, or its hungriest init container if that is more. */
export function requestOf({ spec }: StoredPod, name: string): number {
  const of = ({ resources }: ContainerTemplate) => amount(name, resources?.requests?.[name])
  const sum = (containers: ContainerTemplate[]) => containers.reduce((total, container) => total + of(container), 0)
  const init = spec.initContainers ?? []
  const hungriest = init.map((container, index) => of(container) + sum(init.slice(0, index).filter(isSidecar)))
  const steady = sum([...spec.containers, ...init.filter(isSidecar)])
  return Math.max(steady, ...hungriest) + amount(name, spec.overhead?.[name])
}

function amount(name: string, quantity = '0'): number {
  return name === 'cpu' ? toMilli(quantity) : toValue(quantity)
}

function refusePorts(pod: StoredPod, live: readonly StoredPod[]): Refusal | undefined {
  const taken = live.flatMap(listHostPorts)
  const clash = listHostPorts(pod).some((own) =>
    taken.some(({ port, protocol, ip }) => own.port === port && own.protocol === protocol && overlaps(own.ip, ip)),
  )
  const message =
    "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
  return clash ? { reason: 'NodePorts', message } : undefined
}

function listHostPorts({ spec }: StoredPod) {
  const ports = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)].flatMap(
    ({ ports = [] }) => ports,
  )
  return ports.flatMap(({ hostPort, protocol = 'TCP', hostIP = '0.0.0.0' }) =>
    hostPort ? [{ port: hostPort, protocol, ip: hostIP }] : [],
  )
}

const overlaps = (a: string, b: string) => a === b || a === '0.0.0.0' || b === '0.0.0.0'
