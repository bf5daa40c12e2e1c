// What the scheduler knows of one node: the node, and the sums over its pods, kept up to date by one addition or
// subtraction for each pod that comes or goes.

import type { Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { type Amounts, type HostPort, needsOf, type PodNeeds, toAmount } from './pod-needs.ts'

const anyIp = '0.0.0.0'

/** Changed by its cluster alone; filters and scores only read it. */
export class NodeInfo {
  readonly name: string
  #node: Stored<Node> | undefined
  #allocatable: Amounts = new Map()
  readonly #pods = new Map<string, Stored<Pod>>()
  readonly #requested = new Map<string, number>()
  #usualCpuMilli = 0
  #usualMemoryBytes = 0
  /** "TCP/80" -> address -> number of pods */
  readonly #ports = new Map<string, Map<string, number>>()
  readonly #workloads = new Map<string, number>()

  constructor(name: string) {
    this.name = name
  }

  /** Undefined while only pods that name this node are known. */
  get node(): Stored<Node> | undefined {
    return this.#node
  }

  set node(node: Stored<Node> | undefined) {
    this.#node = node
    const allocatable = Object.entries(node?.status?.allocatable ?? node?.status?.capacity ?? {})
    this.#allocatable = new Map(allocatable.map(([name, quantity]) => [name, toAmount(name, quantity)]))
  }

  get podCount(): number {
    return this.#pods.size
  }

  get usualCpuMilli(): number {
    return this.#usualCpuMilli
  }

  get usualMemoryBytes(): number {
    return this.#usualMemoryBytes
  }

  /** What the node has for pods in all, in the units of Amounts. */
  allocatable(resource: string): number {
    return this.#allocatable.get(resource) ?? 0
  }

  /** What its pods request. */
  requested(resource: string): number {
    return this.#requested.get(resource) ?? 0
  }

  /** How many pods of the workload it has. */
  countOf(workload: string): number {
    return this.#workloads.get(workload) ?? 0
  }

  /** True if a pod here has that port, on an address that overlaps. */
  hasPort({ protocol, port, ip }: HostPort): boolean {
    const used = this.#ports.get(`${protocol}/${port}`)
    if (used === undefined) return false
    return ip === anyIp || used.has(anyIp) || used.has(ip)
  }

  /** Counts the pod; of a known pod, the newer object takes the place of the older. */
  addPod(pod: Stored<Pod>): void {
    this.removePod(pod.metadata.uid)
    this.#pods.set(pod.metadata.uid, pod)
    this.#count(needsOf(pod), 1)
  }

  /** Forgets the pod, if it is there. */
  removePod(uid: string): void {
    const pod = this.#pods.get(uid)
    if (pod === undefined) return
    this.#pods.delete(uid)
    this.#count(needsOf(pod), -1)
  }

  #count(needs: PodNeeds, sign: 1 | -1): void {
    for (const [name, amount] of needs.requests) raise(this.#requested, name, sign * amount)
    this.#usualCpuMilli += sign * needs.usualCpuMilli
    this.#usualMemoryBytes += sign * needs.usualMemoryBytes
    if (needs.workload !== undefined) raise(this.#workloads, needs.workload, sign)
    for (const port of needs.hostPorts) this.#countPort(port, sign)
  }

  #countPort({ protocol, port, ip }: HostPort, sign: 1 | -1): void {
    const key = `${protocol}/${port}`
    const used = this.#ports.get(key) ?? new Map<string, number>()
    raise(used, ip, sign)
    if (used.size === 0) this.#ports.delete(key)
    else this.#ports.set(key, used)
  }
}

/** Entries of zero go, so that maps do not grow with all that ever ran. */
function raise(counts: Map<string, number>, key: string, by: number): void {
  const value = (counts.get(key) ?? 0) + by
  if (value === 0) counts.delete(key)
  else counts.set(key, value)
}
