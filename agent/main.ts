// The agent of one node. Reads flags, builds the parts, runs them, and stops on a signal; pods go on running then.

import { mkdirSync, readFileSync } from 'node:fs'
import { pino } from 'pino'
import { EventRecorder } from '../api/client/event-recorder.ts'
import { HttpClient } from '../api/client/http-client.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { stopWhenMoved } from '../api/net/own-address.ts'
import { publicKeyAnnotation } from '../api/net/wireguard.ts'
import { ClusterView } from './cluster-view.ts'
import { NodeCredentials } from './credentials/node-credentials.ts'
import { DockerRuntime } from './docker/docker-runtime.ts'
import { type Foundation, listenAddressOf } from './foundation.ts'
import { NetTools } from './net/net-tools.ts'
import { NetworkParts } from './network-parts.ts'
import { runHeartbeat } from './node/heartbeat.ts'
import { readMachine } from './node/machine.ts'
import { PressureGauge } from './node/pressure.ts'
import { NodeRegistration } from './node/registration.ts'
import { parseOptions } from './options.ts'
import { PodParts } from './pod-parts.ts'
import { ContainerLookup } from './pods/container-lookup.ts'
import { createAgentServer } from './server/agent-server.ts'

const options = parseOptions(process.argv)
const { nodeName, dataDir } = options
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
const pressure = await PressureGauge.open(dataDir)
const view = new ClusterView(client, report('cluster'))
const foundation: Foundation = { options, client, recorder, runtime, view, machine, pressure, log, report }
const networkParts = new NetworkParts(foundation)
const { network, nodeNetwork, wireguardKey, faults } = networkParts
const podParts = new PodParts(foundation, networkParts)
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
  pressure,
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

const server = createAgentServer({
  runtime,
  pods: new ContainerLookup({ manager: podParts.manager, runtime }),
  tls: {
    ca: readFileSync(options.clientCa, 'utf8'),
    ...credentials.server,
  },
  allowedClients: options.allowedClients,
  nodeName,
  net: new NetTools({ nodeName, runtime, faults }, networkParts.nodeNet),
  log,
})

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort())
if (options.ownAddress !== undefined)
  void stopWhenMoved(options.ownAddress, stop, (addresses, message) => log.warn(addresses, message))
await networkParts.sweep()
await server.listen(listenAddressOf(options), options.port)
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
  networkParts.run(stop.signal),
  podParts.run(stop.signal),
])
await server.close()
await faults.sweep()
log.info('agent has stopped; its pods go on running')
process.exit(0)
