// What DNS needs of the cluster, kept in memory by watch. Objects are cut down to the fields that answers are made of.

import type { Client } from '../../api/client/client.ts'
import { Informer } from '../../api/client/informer.ts'
import type { Endpoint, EndpointSlice, Namespace, Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { namespaces } from '../../api/resources/namespaces.ts'
import { services } from '../../api/resources/services.ts'

/** What answers are looked up in. Keys are "namespace/name". */
export interface Lookup {
  service(key: string): Stored<Service> | undefined
  slices(serviceKey: string): readonly Stored<EndpointSlice>[]
  /** Services with this cluster address. */
  servicesAt(address: string): readonly Stored<Service>[]
  /** Slices that have an endpoint with this address. */
  slicesAt(address: string): readonly Stored<EndpointSlice>[]
  hasNamespace(name: string): boolean
}

const serviceLabel = 'kubernetes.io/service-name'

/** The key of the Service that a slice belongs to. */
export function serviceKeyOf({ metadata }: Stored<EndpointSlice>): string {
  return `${metadata.namespace}/${metadata.labels?.[serviceLabel] ?? ''}`
}

export class Cluster implements Lookup {
  readonly #services: Informer<Service>
  readonly #slices: Informer<EndpointSlice>
  readonly #namespaces: Informer<Namespace>

  constructor(client: Client, onError: (error: unknown) => void) {
    this.#services = new Informer(client, services, {
      onError,
      trim: trimService,
      indexes: { address: ({ spec }) => (spec.clusterIPs ?? []).filter((address) => address !== 'None') },
    })
    this.#slices = new Informer(client, endpointSlices, {
      onError,
      trim: trimSlice,
      indexes: {
        service: (slice) => [serviceKeyOf(slice)],
        address: ({ endpoints = [] }) => [...new Set(endpoints.flatMap(({ addresses }) => addresses))],
      },
    })
    this.#namespaces = new Informer(client, namespaces, {
      onError,
      trim: ({ metadata }) => ({ metadata: identity(metadata), spec: {} }),
    })
  }

  /** Follows the cluster until the signal aborts; rejects when it can no longer. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#services, this.#slices, this.#namespaces].map((informer) => informer.run(signal)))
  }

  /** Resolves when everything is known once. */
  async synced(): Promise<void> {
    await Promise.all([this.#services, this.#slices, this.#namespaces].map((informer) => informer.synced))
  }

  service(key: string): Stored<Service> | undefined {
    return this.#services.get(key)
  }

  slices(serviceKey: string): readonly Stored<EndpointSlice>[] {
    return this.#slices.byIndex('service', serviceKey)
  }

  servicesAt(address: string): readonly Stored<Service>[] {
    return this.#services.byIndex('address', address)
  }

  slicesAt(address: string): readonly Stored<EndpointSlice>[] {
    return this.#slices.byIndex('address', address)
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.get(name) !== undefined
  }
}

function identity({ name, namespace, uid, resourceVersion, creationTimestamp }: Stored<object>['metadata']) {
  return { name, namespace, uid, resourceVersion, creationTimestamp }
}

function trimService({ metadata, spec }: Stored<Service>): Stored<Service> {
  const { type, clusterIP, clusterIPs, externalName, ports, publishNotReadyAddresses } = spec
  return {
    metadata: identity(metadata),
    spec: {
      type,
      clusterIP,
      clusterIPs,
      externalName,
      publishNotReadyAddresses,
      ports: ports?.map(({ name, port, protocol }) => ({ name, port, protocol })),
    },
  }
}

function trimSlice({ metadata, addressType, endpoints, ports }: Stored<EndpointSlice>): Stored<EndpointSlice> {
  return {
    metadata: { ...identity(metadata), labels: { [serviceLabel]: metadata.labels?.[serviceLabel] ?? '' } },
    addressType,
    endpoints: endpoints?.map(
      ({ addresses, hostname, conditions }): Endpoint => ({
        addresses,
        ...(hostname !== undefined && { hostname }),
        conditions: { ready: conditions?.ready !== false },
      }),
    ),
    ports: ports?.map(({ name, port, protocol }) => ({ name, port, protocol })),
  }
}
