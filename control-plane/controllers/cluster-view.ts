// One informer per kind, shared by all controllers, with the indexes they look things up by.

import type { Client } from '../../api/client/client.ts'
import { type Change, type IndexFunction, Informer } from '../../api/client/informer.ts'
import type {
  CertificateSigningRequest,
  ClusterRole,
  ConfigMap,
  Deployment,
  EndpointSlice,
  Endpoints,
  Lease,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Secret,
  Service,
  ServiceAccount,
} from '../../api/generated/types.ts'
import { hostAddress } from '../../api/objects/addresses.ts'
import { type ApiObject, controllerOf, type Stored } from '../../api/objects/object.ts'
import { certificateSigningRequests } from '../../api/resources/certificate-signing-requests.ts'
import { clusterRoles } from '../../api/resources/cluster-roles.ts'
import { configMaps } from '../../api/resources/config-maps.ts'
import { deployments } from '../../api/resources/deployments.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { endpoints } from '../../api/resources/endpoints.ts'
import { events } from '../../api/resources/events.ts'
import { leases } from '../../api/resources/leases.ts'
import { namespaces } from '../../api/resources/namespaces.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { replicaSets } from '../../api/resources/replica-sets.ts'
import { apiVersionOf, type Resource } from '../../api/resources/resource.ts'
import { secrets } from '../../api/resources/secrets.ts'
import { serviceAccounts } from '../../api/resources/service-accounts.ts'
import { services } from '../../api/resources/services.ts'
import { resources } from '../../api/resources/table.ts'
import { labelPairs, selectorHandle } from './service-backends.ts'

/** Any informer, for those who want nothing of a kind but its metadata. */
interface Source {
  get(key: string): Stored<ApiObject> | undefined
  list(): Stored<ApiObject>[]
  onChange(handler: (change: Change<ApiObject>) => void): void
  run(signal: AbortSignal): Promise<void>
  readonly synced: Promise<void>
}

/** A kind and its informer. */
export interface KindSource {
  resource: Resource
  source: Source
}

const asList = (value: string | undefined) => (value === undefined ? [] : [value])
const byNamespace: IndexFunction<ApiObject> = ({ metadata }) => [metadata.namespace ?? '']
const byController: IndexFunction<ApiObject> = (object) => asList(controllerOf(object)?.uid)
const orphansByNamespace: IndexFunction<ApiObject> = (object) =>
  controllerOf(object) === undefined ? byNamespace(object) : []
const nodesByAddress: IndexFunction<Node> = ({ status }) =>
  (status?.addresses ?? []).flatMap(({ address }) => asList(hostAddress(address)))
const podsByNode: IndexFunction<Pod> = ({ spec }) => asList(spec.nodeName)
const podsByLabel: IndexFunction<Pod> = ({ metadata }) => labelPairs(metadata)
const servicesBySelector: IndexFunction<Service> = (service) => asList(selectorHandle(service))
const slicesByService: IndexFunction<EndpointSlice> = ({ metadata }) => {
  const name = metadata.labels?.['kubernetes.io/service-name']
  return name === undefined ? [] : [`${metadata.namespace}/${name}`]
}

/** All that controllers see of the cluster. */
export class ClusterView {
  readonly pods: Informer<Pod>
  readonly nodes: Informer<Node>
  readonly leases: Informer<Lease>
  readonly namespaces: Informer<Namespace>
  readonly services: Informer<Service>
  readonly endpoints: Informer<Endpoints>
  readonly endpointSlices: Informer<EndpointSlice>
  readonly serviceAccounts: Informer<ServiceAccount>
  readonly configMaps: Informer<ConfigMap>
  readonly secrets: Informer<Secret>
  readonly clusterRoles: Informer<ClusterRole>
  readonly certificateSigningRequests: Informer<CertificateSigningRequest>
  readonly deployments: Informer<Deployment>
  readonly replicaSets: Informer<ReplicaSet>
  /** Every kind of the resource table but events: nothing owns them and they own nothing, and they are many. */
  readonly kinds: readonly KindSource[]
  readonly #kindsByName: ReadonlyMap<string, KindSource>

  constructor(client: Client, onError: (error: unknown) => void) {
    this.pods = new Informer(client, pods, {
      onError,
      indexes: { controller: byController, orphans: orphansByNamespace, node: podsByNode, label: podsByLabel },
    })
    this.nodes = new Informer(client, nodes, { onError, indexes: { address: nodesByAddress } })
    this.leases = new Informer(client, leases, { onError })
    this.namespaces = new Informer(client, namespaces, { onError })
    this.services = new Informer(client, services, { onError, indexes: { selector: servicesBySelector } })
    this.endpoints = new Informer(client, endpoints, { onError })
    this.endpointSlices = new Informer(client, endpointSlices, { onError, indexes: { service: slicesByService } })
    this.serviceAccounts = new Informer(client, serviceAccounts, { onError })
    this.configMaps = new Informer(client, configMaps, { onError })
    this.secrets = new Informer(client, secrets, { onError })
    this.clusterRoles = new Informer(client, clusterRoles, { onError })
    this.certificateSigningRequests = new Informer(client, certificateSigningRequests, { onError })
    this.deployments = new Informer(client, deployments, { onError, indexes: { namespace: byNamespace } })
    this.replicaSets = new Informer(client, replicaSets, {
      onError,
      indexes: { controller: byController, orphans: orphansByNamespace, namespace: byNamespace },
    })
    this.kinds = this.#sources(client, onError)
    this.#kindsByName = new Map(this.kinds.map((kind) => [kindName(kind.resource), kind]))
  }

  /** The kind that owner references name so: its group and kind, in any version. */
  kind(apiVersion: string, kind: string): KindSource | undefined {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
    return this.#kindsByName.get(`${group}/${kind}`)
  }

  /** Follows the cluster until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.kinds.map(({ source }) => source.run(signal)))
  }

  /** Resolves when every informer has its first list. */
  async synced(): Promise<void> {
    await Promise.all(this.kinds.map(({ source }) => source.synced))
  }

  #sources(client: Client, onError: (error: unknown) => void): KindSource[] {
    const named = new Map<Resource, Source>()
      .set(pods, this.pods)
      .set(nodes, this.nodes)
      .set(leases, this.leases)
      .set(namespaces, this.namespaces)
      .set(services, this.services)
      .set(endpoints, this.endpoints)
      .set(endpointSlices, this.endpointSlices)
      .set(serviceAccounts, this.serviceAccounts)
      .set(configMaps, this.configMaps)
      .set(secrets, this.secrets)
      .set(clusterRoles, this.clusterRoles)
      .set(certificateSigningRequests, this.certificateSigningRequests)
      .set(deployments, this.deployments)
      .set(replicaSets, this.replicaSets)
    return resources
      .filter((resource) => resource.plural !== events.plural || resource.group !== events.group)
      .map((resource) => ({
        resource,
        source: named.get(resource) ?? new Informer<ApiObject>(client, resource, { onError }),
      }))
  }
}

const kindName = ({ group, kind }: Resource) => `${group}/${kind}`

/** A reference to the object that makes it the owner; controller: true makes it the one that manages. */
export function ownerReference(resource: Resource, owner: Stored<ApiObject>, controller: boolean) {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller,
    blockOwnerDeletion: true,
  }
}
