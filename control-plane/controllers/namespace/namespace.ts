// Empties a namespace that was deleted, then lets it go. Pods go first and are waited for: what they write and answer
// while they end may still need the rest. What is there is asked of the server each time, so nothing that was made at
// the last moment is left behind.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Namespace } from '../../../api/generated/types.ts'
import type { ApiObject, Stored } from '../../../api/objects/object.ts'
import { ignore, isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { events } from '../../../api/resources/events.ts'
import { namespaces } from '../../../api/resources/namespaces.ts'
import { pods } from '../../../api/resources/pods.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import { resources } from '../../../api/resources/table.ts'
import { type Controller, type ControllerContext, describeError, makeQueue } from '../controller.ts'
import { runAll } from '../in-batches.ts'
import { isSame } from '../same.ts'
import { makeConditions, type Remaining } from './conditions.ts'

const finalizer = 'kubernetes'

interface Leftovers {
  remaining: Remaining[]
  failures: string[]
}

export class NamespaceController implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = makeQueue('namespace', context.log, (key) => this.reconcile(key), { maxDelayMs: 5_000 })
    context.view.namespaces.onChange(({ object }) => {
      if (object !== undefined && isLeaving(object)) this.#queue.add(object.metadata.name)
    })
    for (const { resource, source } of context.view.kinds) {
      if (resource.namespaced) source.onChange(({ old, object }) => object === undefined && this.#onGone(old))
    }
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Takes one namespace as far as it goes now. */
  async reconcile(name: string): Promise<void> {
    const { view, timings } = this.#context
    const namespace = view.namespaces.get(name)
    if (namespace === undefined || !isLeaving(namespace)) return
    const leftovers = await this.#empty(name)
    const reported = await this.#report(namespace, leftovers)
    if (leftovers.failures.length > 0) throw new Error(leftovers.failures.join('; '))
    if (leftovers.remaining.length > 0) this.#queue.addAfter(name, timings.namespaceRecheckMs)
    else await this.#finalize(reported)
  }

  #onGone(old: Stored<ApiObject> | undefined): void {
    const namespace = this.#context.view.namespaces.get(old?.metadata.namespace ?? '')
    if (namespace !== undefined && isLeaving(namespace)) this.#queue.add(namespace.metadata.name)
  }

  async #empty(name: string): Promise<Leftovers> {
    const first = await this.#emptyKinds(name, [pods])
    if (first.remaining.length > 0 || first.failures.length > 0) return first
    const isLast = ({ group, plural }: Resource) => group === events.group && plural === events.plural
    const rest = resources.filter((resource) => resource.namespaced && resource !== pods && !isLast(resource))
    return this.#emptyKinds(name, [...rest, events])
  }

  async #emptyKinds(name: string, kinds: Resource[]): Promise<Leftovers> {
    const leftovers: Leftovers = { remaining: [], failures: [] }
    for (const resource of kinds) {
      try {
        const remaining = await this.#emptyKind(name, resource)
        if (remaining.count > 0) leftovers.remaining.push(remaining)
      } catch (error) {
        leftovers.failures.push(`cannot delete ${resource.plural}: ${describeError(error)}`)
      }
    }
    return leftovers
  }

  async #emptyKind(namespace: string, resource: Resource): Promise<Remaining> {
    const { client } = this.#context
    const { items } = await client.list(resource, { namespace })
    const toDelete = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    const { error } = await runAll(toDelete.map((object) => () => this.#delete(resource, object)))
    if (error !== undefined) throw error
    const left = toDelete.length === 0 ? items : (await client.list(resource, { namespace })).items
    const finalizers: Record<string, number> = {}
    for (const name of left.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
      finalizers[name] = (finalizers[name] ?? 0) + 1
    }
    return { resource: `${resource.plural}.${resource.group}`, count: left.length, finalizers }
  }

  async #delete(resource: Resource, { metadata }: Stored<ApiObject>): Promise<void> {
    const options = { propagationPolicy: 'Background' as const, preconditions: { uid: metadata.uid } }
    await this.#context.client.delete(resource, metadata, options).catch(ignore(isNotFound, isConflict))
  }

  async #report(namespace: Stored<Namespace>, { remaining, failures }: Leftovers): Promise<Stored<Namespace>> {
    const present = namespace.status?.conditions ?? []
    const conditions = makeConditions(present, remaining, failures, this.#context.now())
    if (isSame(conditions, present) && namespace.status?.phase === 'Terminating') return namespace
    const status = { ...namespace.status, phase: 'Terminating', conditions }
    return this.#context.client.update(namespaces, { ...namespace, status }, { subresource: 'status' })
  }

  async #finalize(namespace: Stored<Namespace>): Promise<void> {
    const finalizers = namespace.spec.finalizers?.filter((name) => name !== finalizer) ?? []
    const object = { ...namespace, spec: { ...namespace.spec, finalizers } }
    await this.#context.client.update(namespaces, object, { subresource: 'finalize' }).catch(ignore(isNotFound))
  }
}

function isLeaving({ metadata, spec }: Stored<Namespace>): boolean {
  return metadata.deletionTimestamp !== undefined && (spec.finalizers ?? []).includes(finalizer)
}
