// The nodes and what runs on them, as the scheduler sees it. Every event costs the same in a cluster of any size. A pod that was just bound
// counts from the decision on (it is assumed), not only when the watch confirms it, so that the next decision sees it.

import type { Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { NodeInfo } from './node-info.ts'

export class Cluster {
  /** Also nodes that pods name but nobody has registered. */
  readonly #infos = new Map<string, NodeInfo>()
  /** Registered nodes, in an order that lasts while none comes or goes. */
  readonly #nodes: NodeInfo[] = []
  /** Where each pod is counted, by uid. */
  readonly #places = new Map<string, NodeInfo>()
  readonly #assumed = new Set<string>()

  /** Every registered node. */
  get nodes(): readonly NodeInfo[] {
    return this.#nodes
  }

  setNode(node: Stored<Node>): void {
    const info = this.#infoOf(node.metadata.name)
    if (info.node === undefined) this.#nodes.push(info)
    info.node = node
  }

  removeNode(name: string): void {
    const info = this.#infos.get(name)
    if (info === undefined) return
    info.node = undefined
    const at = this.#nodes.indexOf(info)
    if (at !== -1) this.#nodes.splice(at, 1)
    if (info.podCount === 0) this.#infos.delete(name)
  }

  /** Counts a pod on the node that its spec names. */
  setPod(pod: Stored<Pod>): void {
    this.#assumed.delete(pod.metadata.uid)
    this.#place(pod, pod.spec.nodeName ?? '')
  }

  /** Counts a pod on the node that was chosen for it, until setPod or removePod. */
  assume(pod: Stored<Pod>, nodeName: string): void {
    this.#place(pod, nodeName)
    this.#assumed.add(pod.metadata.uid)
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid)
  }

  /** Returns true if the pod was counted anywhere: its going may make room. */
  removePod(uid: string): boolean {
    this.#assumed.delete(uid)
    const info = this.#places.get(uid)
    if (info === undefined) return false
    this.#places.delete(uid)
    info.removePod(uid)
    if (info.node === undefined && info.podCount === 0) this.#infos.delete(info.name)
    return true
  }

  #place(pod: Stored<Pod>, nodeName: string): void {
    const { uid } = pod.metadata
    const info = this.#infoOf(nodeName)
    if (this.#places.get(uid) !== info) this.removePod(uid)
    this.#places.set(uid, info)
    info.addPod(pod)
  }

  #infoOf(name: string): NodeInfo {
    const info = this.#infos.get(name) ?? new NodeInfo(name)
    this.#infos.set(name, info)
    return info
  }
}
