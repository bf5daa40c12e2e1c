// When nodes were last heard of, by this process's own clock: a node whose clock is wrong is as alive as any other.

import type { Lease, Node } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { readyCondition } from './plan.ts'

interface Heard {
  uid: string
  renewTime: string | undefined
  heartbeat: string | undefined
  atMs: number
}

/** Remembers the last sign of life of each node: a renewed lease or a newer status. */
export class Heartbeats {
  readonly #heard = new Map<string, Heard>()

  /** Takes note of what node and lease say now, and returns when the node last said something new. */
  note({ metadata, status }: Stored<Node>, lease: Stored<Lease> | undefined, nowMs: number): number {
    const { name, uid } = metadata
    const renewTime = lease?.spec.renewTime
    const ready = readyCondition(status)
    // An Unknown is what we wrote, not what the node said.
    const known = this.#heard.get(name)
    const heartbeat = ready?.status === 'Unknown' ? known?.heartbeat : ready?.lastHeartbeatTime
    if (known?.uid === uid && known.renewTime === renewTime && known.heartbeat === heartbeat) return known.atMs
    this.#heard.set(name, { uid, renewTime, heartbeat, atMs: nowMs })
    return nowMs
  }

  /** Gives all nodes a new grace period, such as after the control plane itself was cut off. */
  resetAll(nowMs: number): void {
    for (const heard of this.#heard.values()) heard.atMs = nowMs
  }

  forget(name: string): void {
    this.#heard.delete(name)
  }
}
