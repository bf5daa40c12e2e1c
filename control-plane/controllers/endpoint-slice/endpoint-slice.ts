// Keeps the EndpointSlices of services that select pods. Owns the slices with its managed-by label; services without a
// selector are left to whoever writes theirs. A pod's readiness is on its way to the proxies one API call after the pod.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { EndpointSlice, Node, Pod } from '../../../api/generated/types.ts'
import { type Stored, toKey } from '../../../api/objects/object.ts'
import { ignore, isForbidden, isNotFound } from '../../../api/objects/status-error.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { services } from '../../../api/resources/services.ts'
import { type Controller, type ControllerContext, describeError, type Events, makeQueue } from '../controller.ts'
import { runAll } from '../in-batches.ts'
import { OwnWrites, settleMs } from '../own-writes.ts'
import { podsOfService, selectorHandle, servicesOfPod } from '../service-backends.ts'
import { managedBy, managedByLabel, planSlices, serviceNameLabel } from './plan.ts'

export class EndpointSliceController implements Controller {
  readonly #context: ControllerContext
  readonly #events: Events
  readonly #queue: WorkQueue
  /** Slices written by us, by service key. */
  readonly #writes: OwnWrites<EndpointSlice>

  constructor(context: ControllerContext) {
    const { view } = context
    this.#context = context
    this.#events = context.eventsOf('endpoint-slice-controller')
    this.#writes = new OwnWrites(context.client, endpointSlices, context.now)
    this.#queue = makeQueue('endpoint slices', context.log, (key) => this.reconcile(key))
    view.services.onChange(({ object }) => object && this.#queue.add(toKey(object)))
    view.pods.onChange(({ old, object }) => {
      if (old !== undefined) this.#enqueueServicesOf(old)
      if (object !== undefined) this.#enqueueServicesOf(object)
    })
    view.nodes.onChange(({ old, object }) => {
      if (zoneOf(old) !== zoneOf(object)) this.#enqueueServicesOn((object ?? old)?.metadata.name ?? '')
    })
    view.endpointSlices.onChange((change) => {
      this.#writes.observe(change)
      const { namespace, labels } = (change.object ?? change.old)?.metadata ?? {}
      const service = labels?.[serviceNameLabel]
      if (labels?.[managedByLabel] === managedBy && service !== undefined) this.#queue.add(`${namespace}/${service}`)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Makes one service's slices true once. Throws to be tried again later. */
  async reconcile(key: string): Promise<void> {
    const { view } = this.#context
    const service = view.services.get(key)
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) return // the slices are garbage then
    if (selectorHandle(service) === undefined) return
    await this.#writes.settle(key)
    const cached = view.endpointSlices.byIndex('service', key)
    const own = this.#writes
      .overlay(key, cached)
      .filter(({ metadata }) => metadata.labels?.[managedByLabel] === managedBy)
    const plan = planSlices(service, podsOfService(view.pods, service), own, (node) =>
      zoneOf(view.nodes.get(node ?? '')),
    )
    const { error } = await runAll([
      ...plan.create.map((slice) => () => this.#create(key, slice)),
      ...plan.update.map((slice) => () => this.#update(key, slice)),
      ...plan.remove.map((slice) => () => this.#remove(key, slice)),
    ])
    if (this.#writes.isPending(key)) this.#queue.addAfter(key, settleMs)
    if (error === undefined || (isForbidden(error) && this.#isLeaving(service.metadata.namespace))) return
    const message = `Error updating Endpoint Slices for Service ${key}: ${describeError(error)}`
    this.#events.event(services, service, 'Warning', 'FailedToUpdateEndpointSlices', message)
    throw error
  }

  #enqueueServicesOf(pod: Stored<Pod>): void {
    for (const service of servicesOfPod(this.#context.view.services, pod)) this.#queue.add(toKey(service))
  }

  #enqueueServicesOn(node: string): void {
    for (const pod of this.#context.view.pods.byIndex('node', node)) this.#enqueueServicesOf(pod)
  }

  #isLeaving(namespace: string | undefined): boolean {
    return this.#context.view.namespaces.get(namespace ?? '')?.metadata.deletionTimestamp !== undefined
  }

  async #create(key: string, slice: EndpointSlice): Promise<void> {
    this.#noteWritten(key, await this.#context.client.create(endpointSlices, slice))
  }

  async #update(key: string, slice: Stored<EndpointSlice>): Promise<void> {
    this.#noteWritten(key, await this.#context.client.update(endpointSlices, slice))
  }

  async #remove(key: string, slice: Stored<EndpointSlice>): Promise<void> {
    const { client, view } = this.#context
    const preconditions = { uid: slice.metadata.uid }
    await client.delete(endpointSlices, slice.metadata, { preconditions }).catch(ignore(isNotFound))
    this.#writes.noteDeleted(key, slice, view.endpointSlices.get(toKey(slice)))
  }

  #noteWritten(key: string, slice: Stored<EndpointSlice>): void {
    this.#writes.noteWritten(key, slice, this.#context.view.endpointSlices.get(toKey(slice)))
  }
}

function zoneOf(node: Stored<Node> | undefined): string | undefined {
  return node?.metadata.labels?.['topology.kubernetes.io/zone']
}
