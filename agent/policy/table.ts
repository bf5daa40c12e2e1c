// What policies want of this node: which pods are isolated by which policies, and who belongs to the groups that policies
// name. Pure, and free of any firewall's words. Told of one object at a time, it looks again only at pods for which the
// object can mean something, and says what came out differently.

import { isDeepStrictEqual } from 'node:util'
import type { NetworkPolicy } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { NamedPort, PolicyPod } from './pod.ts'
import { type Direction, type PodGroup, type Policy, type Protocol, type Rule, toPolicy } from './policy.ts'

export interface WantedPod {
  /** "namespace/name". */
  key: string
  ips: string[]
  /** Keys of the policies that isolate it on this node; none: everything may pass in that direction. */
  isolation: Record<Direction, string[]>
  /** Ids of the groups it belongs to, of those that some policy names. */
  groups: string[]
  /** Its ports, of those that some policy calls by name. */
  ports: NamedPort[]
}

/** By key; undefined for what is wanted no more. */
export interface TableChanges {
  policies: Map<string, Policy | undefined>
  pods: Map<string, WantedPod | undefined>
}

type PolicySource = Pick<Stored<NetworkPolicy>, 'spec' | 'metadata'>

export class PolicyTable {
  readonly #sources = new Map<string, PolicySource>()
  readonly #policies = new Map<string, Policy>()
  readonly #namespaces = new Map<string, Readonly<Record<string, string>>>()
  readonly #pods = new Map<string, PolicyPod>()
  /** Keys of the pods of each namespace. */
  readonly #podsIn = new Map<string, Set<string>>()
  readonly #wanted = new Map<string, WantedPod>()
  readonly #groups = new Uses<PodGroup>()
  readonly #ports = new Uses<{ name: string; protocol: Protocol }>()
  #changedPolicies = new Map<string, Policy | undefined>()
  #dirtyPods = new Set<string>()

  /** A new or changed policy, or that there is none of that key. */
  setPolicy(key: string, source: Stored<NetworkPolicy> | undefined): void {
    const old = this.#policies.get(key)
    if (isDeepStrictEqual(this.#sources.get(key)?.spec, source?.spec)) return
    const policy = source === undefined ? undefined : toPolicy(source)
    if (policy !== undefined) this.#use(policy)
    if (old !== undefined) this.#unuse(old)
    for (const each of [policy, old]) if (each !== undefined) this.#markSelected(each)
    if (policy === undefined || source === undefined) {
      this.#policies.delete(key)
      this.#sources.delete(key)
    } else {
      this.#policies.set(key, policy)
      this.#sources.set(key, source)
    }
    this.#changedPolicies.set(key, policy)
  }

  /** The labels of a namespace, or that there is none of that name. */
  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (isDeepStrictEqual(this.#namespaces.get(name), labels)) return
    if (labels === undefined) this.#namespaces.delete(name)
    else this.#namespaces.set(name, labels)
    for (const key of this.#podsIn.get(name) ?? []) this.#dirtyPods.add(key)
  }

  /** A new or changed pod, or that policies have nothing to do with it any more. */
  setPod(key: string, pod: PolicyPod | undefined): void {
    if (isDeepStrictEqual(this.#pods.get(key), pod)) return
    const namespace = key.slice(0, key.indexOf('/'))
    const siblings = this.#podsIn.get(namespace) ?? new Set()
    if (pod === undefined) {
      this.#pods.delete(key)
      siblings.delete(key)
    } else {
      this.#pods.set(key, pod)
      siblings.add(key)
    }
    if (siblings.size === 0) this.#podsIn.delete(namespace)
    else this.#podsIn.set(namespace, siblings)
    this.#dirtyPods.add(key)
  }

  /** What is wanted otherwise than when this was last called. */
  takeChanges(): TableChanges {
    const changes: TableChanges = { policies: this.#changedPolicies, pods: new Map() }
    for (const key of this.#dirtyPods) {
      const wanted = this.#toWanted(this.#pods.get(key))
      if (isDeepStrictEqual(wanted, this.#wanted.get(key))) continue
      if (wanted === undefined) this.#wanted.delete(key)
      else this.#wanted.set(key, wanted)
      changes.pods.set(key, wanted)
    }
    this.#changedPolicies = new Map()
    this.#dirtyPods = new Set()
    return changes
  }

  #use(policy: Policy): void {
    for (const group of groupsOf(policy)) if (this.#groups.add(group.id, group)) this.#markMembers(group)
    for (const port of namedPortsOf(policy)) if (this.#ports.add(portId(port), port)) this.#markOwners(port)
  }

  #unuse(policy: Policy): void {
    for (const group of groupsOf(policy)) if (this.#groups.remove(group.id)) this.#markMembers(group)
    for (const port of namedPortsOf(policy)) if (this.#ports.remove(portId(port))) this.#markOwners(port)
  }

  #markSelected(policy: Policy): void {
    for (const key of this.#podsIn.get(policy.namespace) ?? []) {
      const pod = this.#pods.get(key)
      if (pod?.local === true && policy.selector.matches(pod.labels)) this.#dirtyPods.add(key)
    }
  }

  #markMembers(group: PodGroup): void {
    for (const pod of this.#pods.values()) if (this.#isMember(group, pod)) this.#dirtyPods.add(pod.key)
  }

  #markOwners(port: { name: string; protocol: Protocol }): void {
    for (const pod of this.#pods.values())
      if (pod.ports.some((own) => portId(own) === portId(port))) this.#dirtyPods.add(pod.key)
  }

  /** A namespace that is not known yet has no labels to ask for. */
  #isMember({ selectors }: PodGroup, { namespace, labels }: PolicyPod): boolean {
    return selectors.some(({ namespaces, pods }) => {
      const isThere =
        typeof namespaces === 'string'
          ? namespaces === namespace
          : this.#namespaces.has(namespace) && namespaces.matches(this.#namespaces.get(namespace))
      return isThere && pods.matches(labels)
    })
  }

  #toWanted(pod: PolicyPod | undefined): WantedPod | undefined {
    if (pod === undefined) return undefined
    const { key, ips } = pod
    const groups = [...this.#groups.values()].filter((group) => this.#isMember(group, pod)).map(({ id }) => id)
    const ports = pod.ports.filter((port) => this.#ports.has(portId(port)))
    const isolation = { ingress: this.#isolating(pod, 'ingress'), egress: this.#isolating(pod, 'egress') }
    const isConcerned = groups.length + ports.length + isolation.ingress.length + isolation.egress.length > 0
    return isConcerned ? { key, ips, isolation, groups: groups.sort(), ports } : undefined
  }

  #isolating(pod: PolicyPod, direction: Direction): string[] {
    if (!pod.local) return []
    return [...this.#policies.values()]
      .filter((policy) => policy.namespace === pod.namespace && policy[direction] !== undefined)
      .filter(({ selector }) => selector.matches(pod.labels))
      .map(({ key }) => key)
      .sort()
  }
}

/** Things that several policies name, with how many do. */
class Uses<T> {
  readonly #things = new Map<string, { thing: T; count: number }>()

  /** Returns whether it was not used before. */
  add(id: string, thing: T): boolean {
    const known = this.#things.get(id)
    if (known !== undefined) known.count++
    else this.#things.set(id, { thing, count: 1 })
    return known === undefined
  }

  /** Returns whether it is not used any more. */
  remove(id: string): boolean {
    const known = this.#things.get(id)
    if (known === undefined || --known.count > 0) return false
    return this.#things.delete(id)
  }

  has(id: string): boolean {
    return this.#things.has(id)
  }

  values(): T[] {
    return [...this.#things.values()].map(({ thing }) => thing)
  }
}

const portId = ({ name, protocol }: { name: string; protocol: Protocol }) => `${protocol} ${name}`

const rulesOf = ({ ingress = [], egress = [] }: Policy): Rule[] => [...ingress, ...egress]

/** Each group once for each rule that names it. */
function groupsOf(policy: Policy): PodGroup[] {
  return rulesOf(policy).flatMap(({ peers }) => peers?.pods ?? [])
}

function namedPortsOf(policy: Policy): { name: string; protocol: Protocol }[] {
  return rulesOf(policy).flatMap(({ ports = [] }) =>
    ports.flatMap(({ protocol, names }) => names.map((name) => ({ name, protocol }))),
  )
}
