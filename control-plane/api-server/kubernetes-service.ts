// The objects that every cluster begins with: four namespaces, and the Service by which pods find the API server. They
// are looked at again now and then, as users may delete them.

import { setTimeout as sleep } from 'node:timers/promises'
import type { EndpointSlice, Endpoints, Service } from '../../api/generated/types.ts'
import { mastersGroup } from '../../api/objects/known-users.ts'
import type { ApiObject } from '../../api/objects/object.ts'
import { isAlreadyExists, isNotFound } from '../../api/objects/status-error.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { endpoints } from '../../api/resources/endpoints.ts'
import { namespaces } from '../../api/resources/namespaces.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { services } from '../../api/resources/services.ts'
import type { Log } from './log.ts'
import { createObject, objectName, type Target, updateObject, type WriteContext } from './writes.ts'

const lookAgainMs = 10_000
const user = { name: 'system:apiserver', groups: [mastersGroup] }
const firstNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

export class KubernetesService {
  readonly #context: WriteContext
  readonly #clusterIp: string
  readonly #advertise: { address: string; port: number }
  readonly #log: Log
  readonly #ready = Promise.withResolvers<void>()

  constructor(context: WriteContext, clusterIp: string, advertise: { address: string; port: number }, log: Log) {
    this.#context = context
    this.#clusterIp = clusterIp
    this.#advertise = advertise
    this.#log = log
  }

  /** Resolves when the first objects are there. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Keeps the objects until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#ensureAll()
        this.#ready.resolve()
      } catch (error) {
        if (!signal.aborted)
          this.#log.warn(`cannot keep the first objects of the cluster, trying again: ${String(error)}`)
      }
      await sleep(lookAgainMs, undefined, { signal, ref: false }).catch(() => {}) // aborted: the loop ends
    }
  }

  async #ensureAll(): Promise<void> {
    for (const name of firstNamespaces) await this.#ensure(namespaces, { metadata: { name } }, () => undefined)
    await this.#ensure(services, this.#service(), () => undefined)
    // Endpoints may not be loopback addresses: a server for this machine alone cannot be reached from pods anyway.
    if (!this.#advertise.address.startsWith('127.')) await this.#ensureEndpoints()
  }

  async #ensureEndpoints(): Promise<void> {
    const { subsets } = this.#endpoints()
    await this.#ensure(endpoints, this.#endpoints(), (current) => Object.assign(current, { subsets }))
    const { endpoints: addresses, ports } = this.#endpointSlice()
    const wanted = { endpoints: addresses, ports }
    await this.#ensure(endpointSlices, this.#endpointSlice(), (current) => Object.assign(current, wanted))
  }

  /** Creates what is absent; else makes it what it should be, if repair says how. */
  async #ensure(
    resource: Resource,
    object: ApiObject,
    repair: (current: ApiObject) => ApiObject | undefined,
  ): Promise<void> {
    const namespace = resource.namespaced ? 'default' : ''
    const name = object.metadata?.name ?? ''
    const target: Target = { resource, namespace, name, subresource: '', user, dryRun: false }
    const found = await this.#context.cluster.find(resource, objectName(resource, namespace, name))
    try {
      if (found === undefined) await createObject(this.#context, target, object)
      else if (repair(structuredClone(found)) !== undefined) {
        await updateObject(this.#context, target, (current) => repair(current) ?? current)
      }
    } catch (error) {
      // Another API server, or a user, was faster: the next look sees what is left to do.
      if (!isAlreadyExists(error) && !isNotFound(error)) throw error
    }
  }

  #service(): Service {
    return {
      metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: {
        type: 'ClusterIP',
        clusterIP: this.#clusterIp,
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: this.#advertise.port }],
      },
    }
  }

  #endpoints(): Endpoints {
    const { address: ip, port } = this.#advertise
    return {
      metadata: { name: 'kubernetes', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: [{ ip }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
    }
  }

  #endpointSlice(): EndpointSlice {
    const { address, port } = this.#advertise
    return {
      metadata: { name: 'kubernetes', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    }
  }
}
