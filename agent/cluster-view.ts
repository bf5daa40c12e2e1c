// What several parts of the agent follow of the cluster: each kind is watched once, and kept once.

import type { Client } from '../api/client/client.ts'
import { Informer } from '../api/client/informer.ts'
import type { EndpointSlice, Node, Service } from '../api/generated/types.ts'
import { endpointSlices } from '../api/resources/endpoint-slices.ts'
import { nodes } from '../api/resources/nodes.ts'
import { services } from '../api/resources/services.ts'

export class ClusterView {
  readonly services: Informer<Service>
  /** With the index "service": "namespace/name" of the slice's Service. */
  readonly slices: Informer<EndpointSlice>
  readonly nodes: Informer<Node>

  constructor(client: Client, onError: (error: unknown) => void) {
    this.services = new Informer(client, services, { onError })
    this.slices = new Informer(client, endpointSlices, {
      onError,
      indexes: {
        service: ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`],
      },
    })
    this.nodes = new Informer(client, nodes, { onError })
  }

  /** Follows until the signal aborts; rejects when a part cannot take what it is told. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.services, this.slices, this.nodes].map((informer) => informer.run(signal)))
  }
}
