// Tells users what happened to an object, as core/v1 Events. A repeat within ten minutes raises the count of the Event that is there
// already. Recording never waits and never throws: Events are a courtesy, nothing may depend on them.

import { randomBytes } from 'node:crypto'
import type { CoreEvent, ObjectReference } from '../generated/types.ts'
import type { ApiObject } from '../objects/object.ts'
import { isForbidden, isNotFound } from '../objects/status-error.ts'
import { events } from '../resources/events.ts'
import type { Client } from './client.ts'

export interface EventRecorderOptions {
  /** Who tells, such as "default-scheduler" or "kubelet". */
  component: string
  /** The node it runs on, where that matters. */
  host?: string
  /** Told of Events that could not be written. */
  onError?: (error: unknown) => void
}

/** An Event to be written, and how often it happened since it was last. */
interface Pending {
  key: string
  event: CoreEvent
  repeats: number
}

/** An Event that is at the server. */
interface Written {
  namespace: string
  name: string
  count: number
  lastMs: number
}

const repeatWindowMs = 600_000
/** More is dropped: who is that far behind the cluster floods it. */
const queueLimit = 1_000
const writtenLimit = 4_096

/** Records Events of one component. */
export class EventRecorder {
  readonly #client: Client
  readonly #options: EventRecorderOptions
  /** In order of first mention; repeats of a waiting Event only raise its number. */
  readonly #pending = new Map<string, Pending>()
  readonly #written = new Map<string, Written>()
  #writing: Promise<void> | undefined

  constructor(client: Client, options: EventRecorderOptions) {
    this.#client = client
    this.#options = options
  }

  /** Says that something happened to the object. fieldPath names a part of it, such as spec.containers{web}. */
  event(object: ApiObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    const involvedObject = toReference(object, fieldPath)
    const key = JSON.stringify([
      involvedObject.kind,
      involvedObject.uid,
      involvedObject.name,
      fieldPath,
      type,
      reason,
      message,
    ])
    const waiting = this.#pending.get(key)
    if (waiting !== undefined) waiting.repeats++
    else if (this.#pending.size < queueLimit) {
      const event = this.#makeEvent(involvedObject, type, reason, message)
      this.#pending.set(key, { key, event, repeats: 1 })
    }
    this.#writing ??= this.#writeAll()
  }

  /** Resolves when all that was recorded so far has been written or given up. */
  async flush(): Promise<void> {
    await this.#writing
  }

  #makeEvent(involvedObject: ObjectReference, type: string, reason: string, message: string): CoreEvent {
    const { component, host } = this.#options
    const now = toSeconds(new Date())
    return {
      metadata: {
        name: `${(involvedObject.name ?? '').slice(0, 236)}.${randomBytes(8).toString('hex')}`,
        namespace: involvedObject.namespace || 'default',
      },
      involvedObject,
      type,
      reason,
      message: message.length > 1024 ? `${message.slice(0, 1020)} ...` : message,
      source: { component, ...(host !== undefined && { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
    }
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      try {
        await this.#write(next)
      } catch (error) {
        // A namespace that goes away takes no new Events.
        if (!isForbidden(error) && !isNotFound(error)) this.#options.onError?.(error)
      }
    }
    this.#writing = undefined
  }

  #take(): Pending | undefined {
    const [next] = this.#pending.values()
    if (next !== undefined) this.#pending.delete(next.key)
    return next
  }

  async #write({ key, event, repeats }: Pending): Promise<void> {
    const known = this.#written.get(key)
    if (known !== undefined && Date.now() - known.lastMs < repeatWindowMs) {
      const isCounted = await this.#raiseCount(known, repeats)
      if (isCounted) return
    }
    const { metadata } = await this.#client.create(events, { ...event, count: repeats })
    this.#remember(key, {
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      count: repeats,
      lastMs: Date.now(),
    })
  }

  /** False if the Event is gone by now: they live for an hour. */
  async #raiseCount(known: Written, repeats: number): Promise<boolean> {
    const count = known.count + repeats
    const patch = { count, lastTimestamp: toSeconds(new Date()) }
    try {
      await this.#client.patch(events, known, 'application/merge-patch+json', patch)
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
    known.count = count
    known.lastMs = Date.now()
    return true
  }

  #remember(key: string, written: Written): void {
    this.#written.delete(key)
    this.#written.set(key, written)
    const [oldest] = this.#written.keys()
    if (this.#written.size > writtenLimit && oldest !== undefined) this.#written.delete(oldest)
  }
}

function toReference({ apiVersion, kind, metadata = {} }: ApiObject, fieldPath?: string): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata
  return { apiVersion, kind, name, namespace, uid, resourceVersion, ...(fieldPath !== undefined && { fieldPath }) }
}

/** metav1.Time has no fractions of seconds. */
function toSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}
