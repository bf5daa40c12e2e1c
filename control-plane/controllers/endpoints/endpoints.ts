// Keeps one Endpoints object per service that selects pods, of the service's name. Those of services without a selector
// belong to whoever wrote them; those of a service that is gone are removed.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Endpoints, Pod } from '../../../api/generated/types.ts'
import { parseKey, type Stored, toKey } from '../../../api/objects/object.ts'
import { ignore, isAlreadyExists, isForbidden, isNotFound } from '../../../api/objects/status-error.ts'
import { endpoints } from '../../../api/resources/endpoints.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'
import { isSame } from '../same.ts'
import { podsOfService, selectorHandle, servicesOfPod } from '../service-backends.ts'
import { makeEndpoints } from './plan.ts'

export class EndpointsController implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    const { view } = context
    this.#context = context
    this.#queue = makeQueue('endpoints', context.log, (key) => this.reconcile(key))
    view.services.onChange(({ old, object }) => {
      const service = object ?? old
      if (service !== undefined) this.#queue.add(toKey(service))
    })
    view.endpoints.onChange(({ old, object }) => {
      const changed = object ?? old
      if (changed !== undefined && view.services.get(toKey(changed)) !== undefined) this.#queue.add(toKey(changed))
    })
    view.pods.onChange(({ old, object }) => {
      if (old !== undefined) this.#enqueueServicesOf(old)
      if (object !== undefined) this.#enqueueServicesOf(object)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Makes one service's Endpoints true once. Throws to be tried again later. */
  async reconcile(key: string): Promise<void> {
    const { view, client } = this.#context
    const service = view.services.get(key)
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) return this.#remove(key)
    if (selectorHandle(service) === undefined) return
    const present = view.endpoints.get(key)
    const wanted = makeEndpoints(service, podsOfService(view.pods, service), present)
    if (present === undefined) return this.#create(wanted, service.metadata.namespace)
    if (isUpToDate(present, wanted)) return
    await client.update(endpoints, wanted)
  }

  #enqueueServicesOf(pod: Stored<Pod>): void {
    for (const service of servicesOfPod(this.#context.view.services, pod)) this.#queue.add(toKey(service))
  }

  async #create(wanted: Endpoints, namespace: string | undefined): Promise<void> {
    await this.#context.client.create(endpoints, wanted).catch((error: unknown) => {
      const isLeaving = this.#context.view.namespaces.get(namespace ?? '')?.metadata.deletionTimestamp !== undefined
      // There already: the informer has not shown it yet, and its change brings the key back.
      if (!isAlreadyExists(error) && !(isForbidden(error) && isLeaving)) throw error
    })
  }

  async #remove(key: string): Promise<void> {
    await this.#context.client.delete(endpoints, parseKey(key)).catch(ignore(isNotFound))
  }
}

function isUpToDate(present: Stored<Endpoints>, wanted: Endpoints): boolean {
  return (
    isSame(present.subsets ?? [], wanted.subsets ?? []) &&
    isSame(present.metadata.labels ?? {}, wanted.metadata?.labels ?? {}) &&
    isSame(present.metadata.annotations ?? {}, wanted.metadata?.annotations ?? {})
  )
}
