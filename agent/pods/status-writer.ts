// Brings pods' statuses to the API: one write per pod at a time, the newest wins, tried again until it holds or the pod is gone.

import { isDeepStrictEqual } from 'node:util'
import { pause } from '../../api/client/alarm.ts'
import type { Client } from '../../api/client/client.ts'
import type { Pod, PodCondition, PodStatus } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isConflict, isNotFound } from '../../api/objects/status-error.ts'
import { pods } from '../../api/resources/pods.ts'
import type { StoredPod } from './pod.ts'

export interface StatusWriterOptions {
  client: Pick<Client, 'patch'>
  onError: (error: unknown, pod: StoredPod) => void
}

interface Entry {
  pod: StoredPod
  wanted: PodStatus
  /** What the API is known to have, */
  written: PodStatus | undefined
  /** as of this resourceVersion. */
  writtenVersion: bigint
  writing?: Promise<void>
}

const firstRetryMs = 200
const longestRetryMs = 10_000

export class StatusWriter {
  readonly #options: StatusWriterOptions
  /** By pod uid. */
  readonly #entries = new Map<string, Entry>()
  readonly #closed = new AbortController()

  constructor(options: StatusWriterOptions) {
    this.#options = options
  }

  /** Asks for the status to be written if it differs from what the API has. Returns at once. */
  set(pod: StoredPod, wanted: PodStatus): void {
    const { uid } = pod.metadata
    const version = BigInt(pod.metadata.resourceVersion)
    const entry = this.#entries.get(uid) ?? { pod, wanted, written: pod.status, writtenVersion: version }
    Object.assign(entry, { pod, wanted })
    // Somebody else wrote after us: the control plane calls pods unready while it cannot hear their node.
    if (version > entry.writtenVersion) Object.assign(entry, { written: pod.status, writtenVersion: version })
    this.#entries.set(uid, entry)
    entry.writing ??= this.#write(uid, entry).finally(() => {
      delete entry.writing
    })
  }

  /** Resolves when the pod's newest status is written, or cannot be any more. */
  async flush(podUid: string): Promise<void> {
    await this.#entries.get(podUid)?.writing
  }

  /** Stops writing for a pod that is gone. */
  forget(podUid: string): void {
    this.#entries.delete(podUid)
  }

  close(): void {
    this.#closed.abort()
  }

  async #write(uid: string, entry: Entry): Promise<void> {
    let delayMs = firstRetryMs
    while (this.#entries.get(uid) === entry && !this.#closed.signal.aborted) {
      const { pod, wanted, written } = entry
      const changes = changesOf(written ?? {}, wanted)
      if (Object.keys(changes).length === 0) return
      try {
        const { metadata, status } = await this.#patch(pod, changes)
        Object.assign(entry, { written: status, writtenVersion: BigInt(metadata.resourceVersion) })
        delayMs = firstRetryMs
      } catch (error) {
        // Gone, or another pod of that name by now (the uid in the patch does not fit): nothing to report to.
        if (isNotFound(error) || isConflict(error)) return
        this.#options.onError(error, pod)
        await pause(delayMs, this.#closed.signal)
        delayMs = Math.min(delayMs * 2, longestRetryMs)
      }
    }
  }

  async #patch({ metadata }: StoredPod, status: object): Promise<Stored<Pod>> {
    const { namespace, name, uid } = metadata
    return await this.#options.client.patch(
      pods,
      { namespace, name },
      'application/strategic-merge-patch+json',
      { metadata: { uid }, status },
      { subresource: 'status', signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(15_000)]) },
    )
  }
}

/** Conditions that the node judges; all others are somebody else's. */
const ownConditions = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'DisruptionTarget',
]

/**
 * A strategic merge patch: null for what went. What the node does not own is left alone, conditions of others too: they may have
 * changed since the node heard of them.
 */
export function changesOf(old: PodStatus, wanted: PodStatus): Record<string, unknown> {
  const owned = ['reason', 'message', 'podIP', 'podIPs', 'initContainerStatuses', 'containerStatuses'] as const
  const removed = owned.filter((key) => wanted[key] === undefined && old[key] !== undefined).map((key) => [key, null])
  const changed = Object.entries({ ...wanted, conditions: undefined }).filter(
    ([key, value]) => value !== undefined && !isDeepStrictEqual(value, Reflect.get(old, key)),
  )
  const conditions = conditionChanges(old.conditions ?? [], wanted.conditions ?? [])
  return {
    ...Object.fromEntries([...removed, ...changed.map(replaceAddresses)]),
    ...(conditions.length > 0 && { conditions }),
  }
}

/** Conditions are merged by type, field by field. */
function conditionChanges(old: readonly PodCondition[], wanted: readonly PodCondition[]): object[] {
  return wanted
    .filter(({ type }) => ownConditions.includes(type))
    .flatMap((condition) => {
      const before = old.find(({ type }) => type === condition.type)
      if (isDeepStrictEqual(before, condition)) return []
      const gone = Object.keys(before ?? {}).map((key) => [key, null])
      return [{ ...Object.fromEntries(gone), ...condition }]
    })
}

/** Lists of addresses would be merged with those that the pod had. */
function replaceAddresses([key, value]: [string, unknown]): [string, unknown] {
  return ['podIPs', 'hostIPs'].includes(key) && Array.isArray(value)
    ? [key, [...value, { $patch: 'replace' }]]
    : [key, value]
}
