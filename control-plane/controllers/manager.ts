// Starts all controllers over one view of the cluster. They know nothing of one another: what they share is the API.

import { aborted } from '../../api/client/aborted.ts'
import type { Client } from '../../api/client/client.ts'
import { EventRecorder } from '../../api/client/event-recorder.ts'
import type { ClusterSettings } from '../../api/client/join/cluster-settings.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { apiVersionOf, type ResourceType } from '../../api/resources/resource.ts'
import { PublishedSettings } from './bootstrap/published-settings.ts'
import { TokenCleaner } from './bootstrap/token-cleaner.ts'
import { CertificateApprover } from './certificates/approver.ts'
import { CertificateRequestCleaner } from './certificates/request-cleaner.ts'
import { type CertificateAuthority, CertificateSigner } from './certificates/signer.ts'
import { CloudNodeController } from './cloud/node-controller.ts'
import type { CloudProvider } from './cloud/provider.ts'
import { CloudRouteController } from './cloud/route-controller.ts'
import { ServiceBalancerController } from './cloud/service-controller.ts'
import { ClusterRoleAggregationController } from './cluster-role-aggregation/cluster-role-aggregation.ts'
import { ClusterView } from './cluster-view.ts'
import { type Controller, type ControllerContext, describeError, type Events, type Log } from './controller.ts'
import { DeploymentController } from './deployment/deployment.ts'
import { EndpointSliceController } from './endpoint-slice/endpoint-slice.ts'
import { EndpointSliceMirroringController } from './endpoint-slice-mirroring/endpoint-slice-mirroring.ts'
import { EndpointsController } from './endpoints/endpoints.ts'
import { GarbageCollector } from './garbage-collector/garbage-collector.ts'
import { NamespaceController } from './namespace/namespace.ts'
import { defaultMaskSizes, type MaskSizes, NodeIpamController } from './node-ipam/node-ipam.ts'
import { NodeLifecycleController } from './node-lifecycle/node-lifecycle.ts'
import { TaintEvictionController } from './node-lifecycle/taint-eviction.ts'
import { PodGcController } from './pod-gc/pod-gc.ts'
import { ReplicaSetController } from './replica-set/replica-set.ts'
import { RootCaController } from './root-ca/root-ca.ts'
import { ServiceAccountController } from './service-account/service-account.ts'
import { defaultTimings, type Timings } from './timings.ts'

/** What it takes for hosts to join: whom they find, what they are told, and who signs for them. */
interface JoiningOptions {
  /** Where hosts reach the API server. */
  serverUrl: string
  /** Names and addresses of the API server, which no node may have. */
  serverNames: readonly string[]
  settings: ClusterSettings
  authority: CertificateAuthority
}

/** What the controllers need to know. */
export interface ControllersOptions {
  client: Client
  /** Nodes get their pod ranges out of these, one per address family, such as "10.244.0.0/16". */
  clusterCidrs: readonly string[]
  /** Prefix length of a node's range, by family. */
  nodeCidrMaskSizes?: Partial<MaskSizes>
  /** The cluster's authority, PEM, for pods; absent: not published. */
  caCert?: string
  /** Absent: nobody joins, and no certificates are signed. */
  joining?: JoiningOptions
  log: Log
  timings?: Partial<Timings>
  /** Whoever gives balancers, facts about machines and routes; absent: nobody. */
  cloud?: CloudProvider
}

/** Runs every controller until the signal aborts; then calls under way are finished. */
export async function runControllers(options: ControllersOptions, signal: AbortSignal): Promise<void> {
  const { client, log, clusterCidrs, nodeCidrMaskSizes } = options
  const view = new ClusterView(client, (error) => log.warn(`controllers: cannot follow: ${describeError(error)}`))
  const context: ControllerContext = {
    client,
    view,
    eventsOf: (component) => makeEvents(new EventRecorder(client, { component })),
    log,
    timings: { ...defaultTimings, ...options.timings },
    now: Date.now,
  }
  const controllers: Controller[] = [
    new DeploymentController(context),
    new ReplicaSetController(context),
    new EndpointSliceController(context),
    new EndpointsController(context),
    new EndpointSliceMirroringController(context),
    new NodeIpamController(context, { clusterCidrs, maskSizes: { ...defaultMaskSizes, ...nodeCidrMaskSizes } }),
    new NodeLifecycleController(context),
    new TaintEvictionController(context),
    new PodGcController(context),
    new NamespaceController(context),
    new GarbageCollector(context),
    new ServiceAccountController(context),
    new ClusterRoleAggregationController(context),
    ...(options.caCert === undefined ? [] : [new RootCaController(context, options.caCert)]),
    new TokenCleaner(context),
    new CertificateRequestCleaner(context),
    ...joiningControllers(context, options),
    ...cloudControllers(context, options.cloud),
  ]
  const following = view.run(signal)
  // Before all kinds are there, an owner or a pod that is merely unknown would look like one that is gone.
  await Promise.race([view.synced(), aborted(signal)])
  if (!signal.aborted) {
    log.info('controllers: in sync with the cluster')
    await Promise.all(controllers.map((controller) => controller.run(signal)))
  }
  await following
}

function joiningControllers(context: ControllerContext, { joining, caCert }: ControllersOptions): Controller[] {
  if (joining === undefined || caCert === undefined) return []
  const { settings, serverNames, authority } = joining
  const cidrs = [settings.clusterCidr, settings.serviceCidr].flatMap((text) => text.split(','))
  return [
    new PublishedSettings(context, { ...joining, caCert }),
    new CertificateApprover(context, { names: serverNames, cidrs, clusterDomain: settings.clusterDomain }),
    new CertificateSigner(context, authority),
  ]
}

function cloudControllers(context: ControllerContext, cloud: CloudProvider | undefined): Controller[] {
  const { balancers, instances, routes } = cloud ?? {}
  return [
    ...(balancers === undefined ? [] : [new ServiceBalancerController(context, balancers)]),
    ...(instances === undefined ? [] : [new CloudNodeController(context, instances)]),
    ...(routes === undefined ? [] : [new CloudRouteController(context, routes)]),
  ]
}

/** Items of lists carry no kind; events need one. */
function makeEvents(recorder: EventRecorder): Events {
  return {
    event<T extends ApiObject>(
      resource: ResourceType<T>,
      object: Stored<T>,
      type: 'Normal' | 'Warning',
      reason: string,
      message: string,
    ) {
      const { kind } = resource
      recorder.event({ apiVersion: apiVersionOf(resource), kind, metadata: object.metadata }, type, reason, message)
    },
  }
}
