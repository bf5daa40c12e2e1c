// The agent of one node. Reads flags, builds the parts, runs them, and stops on a signal; pods go on running then.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { EventRecorder } from '../api/client/event-recorder.ts'
import { HttpClient } from '../api/client/http-client.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { publicKeyAnnotation } from '../api/net/wireguard.ts'
import { toKey } from '../api/objects/object.ts'
import { isConflict, isNotFound } from '../api/objects/status-error.ts'
import { pods } from '../api/resources/pods.ts'
import { Announcer } from './announcer/announcer.ts'
import { ClusterView } from './cluster-view.ts'
import { NodeCredentials } from './credentials/node-credentials.ts'
import { DockerRuntime } from './docker/docker-runtime.ts'
import { Faults } from './net/faults.ts'
import { NetTools } from './net/net-tools.ts'
import { NodeNet } from './net/node-net.ts'
import { CniNetwork } from './network/cni-network.ts'
import { NodeNetwork } from './network/node-network.ts'
import { ensureWireguardKey } from './network/wireguard.ts'
import { runHeartbeat } from './node/heartbeat.ts'
import { readMachine } from './node/machine.ts'
import { makeCapacity } from './node/node-status.ts'
import { NodeRegistration } from './node/registration.ts'
import { parseOptions } from './options.ts'
import { refusePod } from './pods/admission.ts'
import { ContainerLookup } from './pods/container-lookup.ts'
import type { EmitEvent, PodDependencies } from './pods/dependencies.ts'
import { ImagePuller } from './pods/image-puller.ts'
import type { StoredPod } from './pods/pod.ts'
import { PodManager } from './pods/pod-manager.ts'
import { openGate } from './pods/policy-gate.ts'
import { serviceEnvironment } from './pods/service-environment.ts'
import { StatusWriter } from './pods/status-writer.ts'
import { WatchedObjects } from './pods/watched-objects.ts'
import { NetworkPolicies } from './policy/network-policies.ts'
import { NftablesBackend, removePolicyRules } from './policy/nftables/nftables-backend.ts'
import { removeOtherModes } from './proxy/modes.ts'
import { ServiceProxy } from './proxy/service-proxy.ts'
import { createAgentServer } from './server/agent-server.ts'
import { PodVolumes } from './volumes/pod-volumes.ts'

const options = parseOptions(process.argv)
const { nodeName, nodeIp, dataDir, clusterCidr } = options
const log = pino({ level: options.logLevel, base: { node: nodeName } })
const report = (part: string) => (error: unknown) => log.warn({ part, err: error })
const now = Date.now
mkdirSync(dataDir, { recursive: true })

const kubeconfig = loadKubeconfig(options.kubeconfig)
const { certFile, keyFile } = kubeconfig
const credentials = new NodeCredentials({
  nodeName,
  nodeIps: options.nodeIps,
  serverUrl: kubeconfig.server,
  clientFiles: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
  serverFiles: { certFile: options.serverCert, keyFile: options.serverKey },
  ...(options.certificateSeconds !== undefined && { lifeSeconds: options.certificateSeconds }),
})
const transport = new TlsTransport({ ...kubeconfig, ...credentials.client })
const client = new HttpClient(transport)
const recorder = new EventRecorder(client, { component: 'kubelet', host: nodeName, onError: report('events') })
const runtime = new DockerRuntime({
  socketPath: options.dockerSocket,
  ...(options.pauseImage && { pauseImage: options.pauseImage }),
})
const machine = await readMachine(dataDir, options)
const allocatable = makeCapacity(machine, options.maxPods)

const reservationsDir = join(dataDir, 'cni', 'reservations')
const network = new CniNetwork({
  confDir: options.cniConfDir,
  binDirs: [options.cniBinDir],
  dataDir: join(dataDir, 'cni'),
  onError: report('network'),
})
const wireguardKey =
  options.network === 'wireguard' ? ensureWireguardKey(join(dataDir, 'wireguard', 'private.key')) : undefined
const view = new ClusterView(client, report('cluster'))
const nodeNetwork = new NodeNetwork({
  nodes: view.nodes,
  nodeName,
  nodeIps: options.nodeIps,
  kind: options.network,
  ...(wireguardKey && { wireguardKey }),
  clusterCidrs: clusterCidr.split(','),
  confDir: options.cniConfDir,
  reservationsDir,
  onError: report('network'),
})

const policies =
  options.networkPolicy === 'on'
    ? new NetworkPolicies({
        client,
        nodeName,
        backend: new NftablesBackend(),
        attached: async () =>
          [...(await network.attachments())].map(([sandboxId, { pod, ips }]) => ({
            sandboxId,
            podKey: toKey(pod),
            ips,
          })),
        onError: report('policy'),
      })
    : undefined

const announcer = new Announcer({
  client,
  nodeName,
  nodeIp,
  ...view,
  onError: report('announcer'),
  onTaken: ({ address, service }) => log.info({ address, service }, 'taking a load balancer address'),
})
const objects = new WatchedObjects({
  client,
  now,
  onChange: (reference) => manager.objectChanged(reference),
  onError: report('objects'),
})
const statuses = new StatusWriter({ client, onError: report('status') })
const emit: EmitEvent = (pod, { type, reason, message, container }) =>
  recorder.event({ apiVersion: 'v1', kind: 'Pod', ...pod }, type, reason, message, fieldPathOf(pod, container))

const deps: PodDependencies = {
  runtime,
  network,
  policy: policies ?? openGate,
  volumes: new PodVolumes({ dataDir, objects }),
  objects,
  images: new ImagePuller({ runtime, now }),
  statuses,
  node: {
    name: nodeName,
    ip: nodeIp,
    ips: options.nodeIps,
    allocatable,
    memoryBytes: machine.memoryBytes,
    dns: {
      ...(options.clusterDns && { clusterDns: options.clusterDns }),
      clusterDomain: options.clusterDomain,
      nodeResolvConf: readFileSync(options.resolvConf, 'utf8'),
    },
    cgroups: { root: options.cgroupRoot, mountPoint: '/sys/fs/cgroup' },
  },
  emit,
  serviceVariables: async (pod) => {
    await view.services.synced
    return serviceEnvironment(pod, view.services.list())
  },
  deletePod,
  admit: (pod) => refusePod(pod, manager.list(), allocatable),
  onError: (error, { metadata }) =>
    log.warn({ part: 'pods', pod: `${metadata.namespace}/${metadata.name}`, err: error }),
  now,
}
const manager = new PodManager({
  client,
  nodeName,
  deps,
  onSweep: (here) => objects.retain(here),
  onError: report('pods'),
})
const registration = new NodeRegistration({
  client,
  identity: {
    name: nodeName,
    ips: options.nodeIps,
    port: options.port,
    maxPods: options.maxPods,
    ...(wireguardKey && { annotations: { [publicKeyAnnotation]: wireguardKey.publicKey } }),
  },
  machine,
  dataDir,
  runtime,
  networkNotReady: () => network.notReadyReason(),
  observed: () => nodeNetwork.self,
  onError: report('node'),
  onReady: (node, ready) => {
    const reason = ready ? 'NodeReady' : 'NodeNotReady'
    recorder.event(
      { apiVersion: 'v1', kind: 'Node', ...node },
      'Normal',
      reason,
      `Node ${nodeName} status is now: ${reason}`,
    )
  },
  now,
})

// An IPv6 socket takes both families, and a node without IPv6 has none.
const listenAddress = options.nodeIps.some((ip) => ip.includes(':')) ? '::' : '0.0.0.0'
const serviceProxy =
  options.proxyMode === 'none'
    ? undefined
    : new ServiceProxy({
        ...view,
        nodeName,
        clusterCidrs: clusterCidr.split(','),
        serviceCidrs: options.serviceCidr.split(','),
        mode: options.proxyMode,
        ipvsScheduler: options.ipvsScheduler,
        nodeIps: options.nodeIps,
        ...(options.proxyHealthPort > 0 && { health: { host: listenAddress, port: options.proxyHealthPort } }),
        onError: report('proxy'),
      })
const faults = new Faults({ nodeName, runtime, onError: report('faults') })
const nodeNet = new NodeNet({
  nodeName,
  runtime,
  parts: {
    node: nodeNetwork,
    pods: network,
    ...(policies && { policy: policies }),
    ...(serviceProxy && { services: serviceProxy }),
    balancers: announcer,
    faults,
  },
  onError: report('net'),
})
const server = createAgentServer({
  runtime,
  pods: new ContainerLookup({ manager, runtime }),
  tls: {
    ca: readFileSync(options.clientCa, 'utf8'),
    ...credentials.server,
  },
  allowedClients: options.allowedClients,
  nodeName,
  net: new NetTools({ nodeName, runtime, faults }, nodeNet),
  log,
})

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort())
await removeOtherModes(options.proxyMode === 'none' ? undefined : options.proxyMode)
if (policies === undefined) await removePolicyRules()
await nodeNet.sweep()
await faults.sweep()
await server.listen(listenAddress, options.port)
log.info({ dataDir, kubeconfig: options.kubeconfig }, 'agent starts')
await Promise.all([
  registration.run(stop.signal),
  runHeartbeat(
    {
      client,
      nodeName,
      nodeUid: () => registration.uid,
      intervalSeconds: options.leaseIntervalSeconds,
      onError: report('lease'),
      now,
    },
    stop.signal,
  ),
  view.run(stop.signal),
  credentials.run(
    {
      client,
      onClient: (pair) => {
        transport.renew(pair)
        log.info({ file: certFile }, 'the certificate for the API server was renewed')
      },
      onServer: (pair) => {
        server.renew(pair)
        log.info({ file: options.serverCert }, 'the serving certificate was renewed')
      },
      onError: report('credentials'),
    },
    stop.signal,
  ),
  nodeNetwork.run(stop.signal),
  announcer.run(stop.signal),
  manager.run(stop.signal),
  policies?.run(stop.signal),
  serviceProxy?.run(stop.signal),
])
await server.close()
await faults.sweep()
statuses.close()
objects.close()
log.info('agent has stopped; its pods go on running')
process.exit(0)

function fieldPathOf({ spec }: StoredPod, container: string | undefined): string | undefined {
  if (container === undefined) return undefined
  const isInit = spec.initContainers?.some(({ name }) => name === container) === true
  return `spec.${isInit ? 'initContainers' : 'containers'}{${container}}`
}

/** The last word on a deleted pod: nothing of it is left here. */
async function deletePod({ metadata }: StoredPod): Promise<void> {
  const { namespace, name, uid } = metadata
  try {
    await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
  } catch (error) {
    // Gone already, or another pod of that name by now.
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}
