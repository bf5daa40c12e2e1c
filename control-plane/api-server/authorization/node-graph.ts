import type { Pod } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import type { CacheFollower } from '../cache-follower.ts'
import { podReferences } from './pod-references.ts'

/** Which Secrets, ConfigMaps and service accounts the pods of each node need. */
export class NodeGraph implements CacheFollower<Pod> {
  /** By node, then "resource/namespace/name": how many of its pods refer to it. Nothing is at zero. */
  readonly #counts = new Map<string, Map<string, number>>()

  reset(pods: Iterable<Stored<Pod>>): void {
    this.#counts.clear()
    for (const pod of pods) this.#count(pod, 1)
  }

  change(old: Stored<Pod> | undefined, now: Stored<Pod> | undefined): void {
    // What a pod refers to does not change once it is bound, and most changes are of its status.
    if (old !== undefined && now !== undefined && isAlike(old, now)) return
    if (old !== undefined) this.#count(old, -1)
    if (now !== undefined) this.#count(now, 1)
  }

  /** True while a pod on the node refers to the object. */
  needs(node: string, resource: string, namespace: string, name: string): boolean {
    return this.#counts.get(node)?.has(`${resource}/${namespace}/${name}`) === true
  }

  #count({ metadata, spec }: Stored<Pod>, step: 1 | -1): void {
    const { nodeName = '' } = spec
    if (nodeName === '') return
    const counts = this.#counts.get(nodeName) ?? new Map<string, number>()
    this.#counts.set(nodeName, counts)
    for (const reference of podReferences(spec)) {
      const key = reference.replace('/', `/${metadata.namespace}/`)
      const count = (counts.get(key) ?? 0) + step
      if (count === 0) counts.delete(key)
      else counts.set(key, count)
    }
    if (counts.size === 0) this.#counts.delete(nodeName)
  }
}

function isAlike(a: Stored<Pod>, b: Stored<Pod>): boolean {
  const containers = ({ spec }: Stored<Pod>) => spec.ephemeralContainers?.length ?? 0
  return a.metadata.uid === b.metadata.uid && a.spec.nodeName === b.spec.nodeName && containers(a) === containers(b)
}
