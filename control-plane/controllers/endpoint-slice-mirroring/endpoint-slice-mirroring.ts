// Copies Endpoints that somebody wrote by hand into EndpointSlices, which is all that proxies and DNS read. Only for Services
// without a selector: those of the others are written by the endpoint slice controller.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { EndpointSlice } from '../../../api/generated/types.ts'
import { type Stored, toKey } from '../../../api/objects/object.ts'
import { ignore, isAlreadyExists, isNotFound } from '../../../api/objects/status-error.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'
import { managedByLabel, serviceNameLabel } from '../endpoint-slice/plan.ts'
import { runAll } from '../in-batches.ts'
import { selectorHandle } from '../service-backends.ts'
import { isMirrored, mirroredBy, planMirror } from './plan.ts'

export class EndpointSliceMirroringController implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    const { view } = context
    this.#context = context
    this.#queue = makeQueue('mirrored slices', context.log, (key) => this.reconcile(key))
    view.endpoints.onChange(({ old, object }) => this.#queue.add(toKey(object ?? old ?? {})))
    view.services.onChange(({ old, object }) => this.#queue.add(toKey(object ?? old ?? {})))
    view.endpointSlices.onChange(({ old, object }) => {
      const { namespace, labels } = (object ?? old)?.metadata ?? {}
      if (labels?.[managedByLabel] === mirroredBy) this.#queue.add(`${namespace}/${labels[serviceNameLabel]}`)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Makes the slices of one Service's Endpoints true. */
  async reconcile(key: string): Promise<void> {
    const { view, client } = this.#context
    const [service, endpoints] = [view.services.get(key), view.endpoints.get(key)]
    const hasSource =
      service !== undefined &&
      selectorHandle(service) === undefined &&
      service.spec.type !== 'ExternalName' &&
      endpoints !== undefined &&
      endpoints.metadata.deletionTimestamp === undefined &&
      isMirrored(endpoints)
    const present = view.endpointSlices
      .byIndex('service', key)
      .filter(({ metadata }) => metadata.labels?.[managedByLabel] === mirroredBy)
    const plan = planMirror(hasSource ? endpoints : undefined, present)
    const { error } = await runAll([
      ...plan.create.map((slice) => () => this.#create(slice)),
      ...plan.update.map((slice) => async () => void (await client.update(endpointSlices, slice))),
      ...plan.remove.map((slice) => () => this.#remove(slice)),
    ])
    if (error !== undefined) throw error
  }

  /** There already: the informer has not shown it yet, and its change brings the key back. */
  async #create(slice: EndpointSlice): Promise<void> {
    await this.#context.client.create(endpointSlices, slice).catch(ignore(isAlreadyExists))
  }

  async #remove({ metadata }: Stored<EndpointSlice>): Promise<void> {
    const preconditions = { uid: metadata.uid }
    await this.#context.client.delete(endpointSlices, metadata, { preconditions }).catch(ignore(isNotFound))
  }
}
