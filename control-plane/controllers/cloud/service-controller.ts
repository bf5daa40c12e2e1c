// Gives Services of type LoadBalancer what the provider has for them, and takes it back. A finalizer holds a Service until
// the provider has let go; the status is the record that a later life adopts.
// https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Condition, LoadBalancerStatus, Service } from '../../../api/generated/types.ts'
import { announcedCondition, isAnnounced } from '../../../api/net/announced.ts'
import { type Stored, toKey } from '../../../api/objects/object.ts'
import { isNotFound } from '../../../api/objects/status-error.ts'
import { services } from '../../../api/resources/services.ts'
import { type Controller, type ControllerContext, type Events, makeQueue } from '../controller.ts'
import { isSame } from '../same.ts'
import { toTimestamp } from '../timestamp.ts'
import { isCloudRefusal, type LoadBalancers } from './provider.ts'

const finalizer = 'service.kubernetes.io/load-balancer-cleanup'

export class ServiceBalancerController implements Controller {
  readonly #context: ControllerContext
  readonly #balancers: LoadBalancers
  readonly #events: Events
  readonly #queue: WorkQueue
  /** Services that were refused, and why: whatever is given back may be what they wait for. */
  readonly #refused = new Map<string, string>()

  constructor(context: ControllerContext, balancers: LoadBalancers) {
    this.#context = context
    this.#balancers = balancers
    this.#events = context.eventsOf('service-controller')
    // One worker: a pool's last address must not be promised twice.
    this.#queue = makeQueue('load balancer', context.log, (key) => this.reconcile(key), { workers: 1 })
    context.view.services.onChange(({ old, object }) => this.#queue.add(toKey(object ?? old ?? {})))
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const service of this.#context.view.services.list()) if (this.#wants(service)) this.#balancers.adopt(service)
    await this.#queue.run(signal)
  }

  /** Takes one Service as far as it goes now. */
  async reconcile(key: string): Promise<void> {
    const service = this.#context.view.services.get(key)
    if (service === undefined) return await this.#release(key)
    if (this.#wants(service)) await this.#ensure(service)
    else if (service.metadata.finalizers?.includes(finalizer) === true) await this.#letGo(service)
  }

  #wants({ metadata, spec }: Stored<Service>): boolean {
    const { type, loadBalancerClass = this.#balancers.loadBalancerClass } = spec
    return (
      type === 'LoadBalancer' &&
      loadBalancerClass === this.#balancers.loadBalancerClass &&
      metadata.deletionTimestamp === undefined
    )
  }

  async #ensure(service: Stored<Service>): Promise<void> {
    const key = toKey(service)
    const held = await this.#holdFast(service)
    try {
      const status = await this.#balancers.ensure(held, this.#context.view.nodes.list())
      this.#refused.delete(key)
      await this.#report(held, status)
    } catch (error) {
      if (!isCloudRefusal(error)) throw error
      await this.#report(held, {})
      if (this.#refused.get(key) === error.message) return
      this.#refused.set(key, error.message)
      this.#events.event(services, held, 'Warning', 'SyncLoadBalancerFailed', error.message)
    }
  }

  /** The finalizer is on the Service before it is given anything. */
  async #holdFast(service: Stored<Service>): Promise<Stored<Service>> {
    const finalizers = service.metadata.finalizers ?? []
    if (finalizers.includes(finalizer)) return service
    return await this.#patchFinalizers(service, [...finalizers, finalizer])
  }

  async #letGo(service: Stored<Service>): Promise<void> {
    await this.#release(toKey(service))
    try {
      const cleared = await this.#report(service, {})
      const others = (cleared.metadata.finalizers ?? []).filter((name) => name !== finalizer)
      await this.#patchFinalizers(cleared, others)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async #release(key: string): Promise<void> {
    await this.#balancers.release(key)
    this.#refused.delete(key)
    for (const waiting of this.#refused.keys()) this.#queue.add(waiting)
  }

  /** The resource version keeps a finalizer that somebody else added meanwhile. */
  async #patchFinalizers({ metadata }: Stored<Service>, finalizers: string[]): Promise<Stored<Service>> {
    const { uid, resourceVersion } = metadata
    return await this.#context.client.patch(services, metadata, 'application/merge-patch+json', {
      metadata: { uid, resourceVersion, finalizers },
    })
  }

  async #report(service: Stored<Service>, loadBalancer: LoadBalancerStatus): Promise<Stored<Service>> {
    const isGiven = (loadBalancer.ingress ?? []).length > 0
    const wantsAnnounced = isGiven && this.#balancers.announced === true
    const isSameBalancer = isSame(service.status?.loadBalancer ?? {}, loadBalancer)
    if (isSameBalancer && isAnnounced(service) === wantsAnnounced) return service
    const { metadata } = service
    // null, not absent: a merge patch leaves what it does not name. The resource version keeps conditions that somebody else added.
    const patch = {
      metadata: { uid: metadata.uid, resourceVersion: metadata.resourceVersion },
      status: {
        loadBalancer: { ingress: loadBalancer.ingress ?? null },
        conditions: planConditions(service, wantsAnnounced, this.#context.now()),
      },
    }
    const options = { subresource: 'status' }
    const reported = await this.#context.client.patch(
      services,
      metadata,
      'application/merge-patch+json',
      patch,
      options,
    )
    const addresses = (loadBalancer.ingress ?? []).map(({ ip }) => ip).join(', ')
    if (isGiven && !isSameBalancer)
      this.#events.event(services, service, 'Normal', 'EnsuredLoadBalancer', `Ensured load balancer: ${addresses}`)
    return reported
  }
}

/** The Service's conditions with that of its announcement as wanted; null for none. */
function planConditions(service: Stored<Service>, wantsAnnounced: boolean, nowMs: number): Condition[] | null {
  const present = service.status?.conditions ?? []
  if (wantsAnnounced && isAnnounced(service)) return present
  const others = present.filter(({ type }) => type !== announcedCondition)
  if (!wantsAnnounced) return others.length === 0 ? null : others
  const announced = {
    type: announcedCondition,
    status: 'True',
    lastTransitionTime: toTimestamp(nowMs),
    reason: 'AddressGiven',
    message: 'one of the nodes answers for each address',
  }
  return [...others, announced]
}
