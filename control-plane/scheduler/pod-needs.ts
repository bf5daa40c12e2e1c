// What a pod asks of a node, read once from its spec.

import type { Container, Pod, PodSpec } from '../../api/generated/types.ts'
import { controllerOf, type Stored } from '../../api/objects/object.ts'
import { toMilli, toValue } from '../../api/objects/quantity.ts'

/** Amounts by resource name: cpu in thousandths, all else in whole units (bytes). */
export type Amounts = ReadonlyMap<string, number>

/** A port of the node itself that the pod occupies. */
export interface HostPort {
  protocol: string
  ip: string
  port: number
}

export interface PodNeeds {
  requests: Amounts
  /** What counts when nodes are compared: pods that request nothing still use something. */
  usualCpuMilli: number
  usualMemoryBytes: number
  hostPorts: readonly HostPort[]
  /** The same for pods of one workload; undefined for a pod that is like no other. */
  workload: string | undefined
}

// Kubernetes' guesses for containers without requests, used for scoring alone.
const guessedCpuMilli = 100
const guessedMemoryBytes = 200 * 1024 * 1024

const known = new WeakMap<object, PodNeeds>()

/** The needs of a pod; remembered for as long as the object lives. */
export function needsOf(pod: Stored<Pod>): PodNeeds {
  const remembered = known.get(pod)
  if (remembered !== undefined) return remembered
  const needs = {
    requests: sumRequests(pod.spec, requestsOf),
    usualCpuMilli: sumRequests(pod.spec, usualRequestsOf).get('cpu') ?? 0,
    usualMemoryBytes: sumRequests(pod.spec, usualRequestsOf).get('memory') ?? 0,
    hostPorts: hostPortsOf(pod.spec),
    workload: workloadOf(pod),
  }
  known.set(pod, needs)
  return needs
}

/** An amount of a resource in the unit of Amounts. */
export function toAmount(resource: string, quantity: string): number {
  return resource === 'cpu' ? toMilli(quantity) : toValue(quantity)
}

/**
 * The most that a pod needs at any moment: either one of its init containers and the sidecars started before it, or all its
 * containers and sidecars.
 * https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
 */
function sumRequests(spec: PodSpec, read: (container: Container) => Map<string, number>): Map<string, number> {
  const total = new Map<string, number>()
  for (const container of spec.containers) add(total, read(container))
  const sidecars = new Map<string, number>()
  const peak = new Map<string, number>()
  for (const container of spec.initContainers ?? []) {
    const own = read(container)
    if (container.restartPolicy === 'Always') {
      add(total, own)
      add(sidecars, own)
      raise(peak, sidecars)
    } else {
      add(own, sidecars)
      raise(peak, own)
    }
  }
  raise(total, peak)
  add(total, toAmounts(spec.overhead))
  return total
}

const toAmounts = (quantities: Record<string, string> = {}) =>
  new Map(Object.entries(quantities).map(([name, quantity]) => [name, toAmount(name, quantity)]))
const requestsOf = ({ resources }: Container) => toAmounts({ ...resources?.limits, ...resources?.requests })

function usualRequestsOf(container: Container): Map<string, number> {
  return new Map([['cpu', guessedCpuMilli], ['memory', guessedMemoryBytes], ...requestsOf(container)])
}

function add(to: Map<string, number>, more: Amounts): void {
  for (const [name, amount] of more) to.set(name, (to.get(name) ?? 0) + amount)
}

function raise(to: Map<string, number>, other: Amounts): void {
  for (const [name, amount] of other) to.set(name, Math.max(to.get(name) ?? 0, amount))
}

function hostPortsOf(spec: PodSpec): HostPort[] {
  return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, hostIP, protocol = 'TCP' }) => {
      const port = hostPort ?? (spec.hostNetwork === true ? containerPort : 0)
      return port > 0 ? [{ protocol, ip: hostIP || '0.0.0.0', port }] : []
    }),
  )
}

/**
 * Pods with the same controller belong together, and so do bare pods with the same labels. The selectors of Services would
 * say the same of nearly all pods, at the price of matching every Service with every pod.
 */
function workloadOf(pod: Stored<Pod>): string | undefined {
  const owner = controllerOf(pod)
  if (owner !== undefined) return owner.uid
  const labels = Object.entries(pod.metadata.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return labels.length === 0 ? undefined : JSON.stringify([pod.metadata.namespace, labels])
}
