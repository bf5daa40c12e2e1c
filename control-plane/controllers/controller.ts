// What every controller is given and gives. A controller is: handlers that turn changes into keys, a queue of keys, and
// one reconcile(key) that looks at what is true now. Planning is pure and lives in files of its own; acting is a list of
// API calls. Nothing a controller keeps in memory is needed after a restart.

import type { Client } from '../../api/client/client.ts'
import { WorkQueue, type WorkQueueOptions } from '../../api/client/work-queue.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { isConflict } from '../../api/objects/status-error.ts'
import type { ResourceType } from '../../api/resources/resource.ts'
import type { ClusterView } from './cluster-view.ts'
import type { Timings } from './timings.ts'

/** Where controllers say what no user needs to act on. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** Says something about an object in words that `kubectl describe` shows. Never throws, never waits. */
export interface Events {
  event<T extends ApiObject>(
    resource: ResourceType<T>,
    object: Stored<T>,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void
}

/** What a controller works with. The same for all of them, but for events, which carry the controller's name. */
export interface ControllerContext {
  client: Client
  view: ClusterView
  /** Events that come from the named component, such as "replicaset-controller". */
  eventsOf(component: string): Events
  log: Log
  timings: Timings
  /** Milliseconds since the epoch. */
  now(): number
}

/** One loop. Its constructor adds handlers to the view's informers; run starts when the view is in sync. */
export interface Controller {
  /** Works until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** A queue whose failures are logged, but for conflicts: those mean that the copy was behind, and the retry sees more. */
export function makeQueue(
  name: string,
  log: Log,
  reconcile: (key: string, signal: AbortSignal) => Promise<void>,
  options: Omit<WorkQueueOptions, 'onError'> = {},
): WorkQueue {
  return new WorkQueue(reconcile, {
    ...options,
    onError: (error, key) => {
      if (!isConflict(error)) log.warn(`${name}: cannot reconcile ${key}, trying again: ${describeError(error)}`)
    },
  })
}

/** The message of an error, and those of its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`
}
