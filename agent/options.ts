// The agent's flags.

import { Command, InvalidArgumentError, Option } from 'commander'
import { networkKinds, proxyModeWords } from '../api/net/cluster-network.ts'
import type { HostAddress } from '../api/net/host-address.ts'
import { readOwnAddress } from '../api/net/own-address.ts'
import { toBytes } from '../api/objects/quantity.ts'
import type { NetworkKind } from './network/plan.ts'
import { isScheduler, schedulers } from './proxy/ipvs/schedulers.ts'
import { isProxyMode, type ProxyMode } from './proxy/modes.ts'

export interface AgentOptions {
  nodeName: string
  /** The first of nodeIps. */
  nodeIp: string
  nodeIps: string[]
  /** What was determined because no flag names nodeIps. */
  ownAddress?: HostAddress
  kubeconfig: string
  dockerSocket: string
  dataDir: string
  port: number
  serverCert: string
  serverKey: string
  certificateSeconds?: number
  clientCa: string
  allowedClients: string[]
  cniConfDir: string
  cniBinDir: string
  clusterCidr: string
  serviceCidr: string
  clusterDns?: string
  clusterDomain: string
  proxyMode: ProxyMode | 'none'
  proxyHealthPort: number
  ipvsScheduler: string
  network: NetworkKind
  networkPolicy: 'on' | 'off'
  cgroupRoot: string
  leaseIntervalSeconds: number
  maxPods: number
  cpus?: number
  memoryBytes?: number
  pauseImage?: string
  resolvConf: string
  logLevel: string
}

/** Reads the command line; prints why and ends the process when it cannot be read. */
export function parseOptions(argv: readonly string[]): AgentOptions {
  const command = new Command('fairlead agent')
    .description('Runs the pods of one node: containers, volumes, network, Services.')
    .requiredOption('--node-name <name>', 'name of the Node object')
    .option(
      '--node-ip <address>',
      'address by which other nodes reach this one; one a family, with a comma between (default: that of the default route)',
    )
    .requiredOption('--kubeconfig <file>', 'how to reach the API server, and as whom')
    .option('--docker-socket <path>', "Docker's unix socket", '/var/run/docker.sock')
    .option('--data-dir <path>', 'volumes and records of this node', '/var/lib/fairlead')
    .option('--port <number>', 'where logs and exec are served', parseWhole, 10250)
    .requiredOption('--server-cert <file>', 'certificate of that port')
    .requiredOption('--server-key <file>', 'and its key')
    .option('--certificate-seconds <seconds>', 'how long renewed certificates last; at least 600', parseLife)
    .requiredOption('--client-ca <file>', 'who signs the certificates of its clients')
    .option('--allowed-clients <name...>', 'common names of those clients', ['kube-apiserver-kubelet-client'])
    .option('--cni-conf-dir <path>', 'the first configuration here is the pod network', '/etc/cni/net.d')
    .option('--cni-bin-dir <path>', 'CNI plugins that are programs', '/opt/cni/bin')
    .option('--cluster-cidr <cidr>', 'addresses of all pods; one range a family, with a comma between', '10.244.0.0/16')
    .option('--service-cidr <cidr>', 'addresses of all Services', '10.96.0.0/16')
    .option(
      '--cluster-dns <address>',
      "the cluster's DNS server; pods use the node's own when it is empty",
      '10.96.0.10',
    )
    .option('--cluster-domain <name>', 'what Services are below in DNS', 'cluster.local')
    .option('--proxy-mode <mode>', `how Services are served: ${proxyModeWords.join(', ')}`, 'iptables')
    .option('--proxy-health-port <number>', "where the proxy's own health is asked; 0: nowhere", parseWhole, 10256)
    .option('--ipvs-scheduler <name>', `how the mode ipvs spreads connections: ${schedulers.join(', ')}`, 'rr')
    .option('--network <kind>', `how pods reach pods on other nodes: ${networkKinds.join(', ')}`, 'host-gw')
    .addOption(
      new Option('--network-policy <on|off>', 'whether NetworkPolicies are kept').choices(['on', 'off']).default('on'),
    )
    .option('--cgroup-root <path>', "parent of the pods' cgroups", '/')
    .option('--lease-interval-seconds <seconds>', 'time between heartbeats', parseWhole, 10)
    .option('--max-pods <number>', 'how many pods fit', parseWhole, 110)
    .option('--cpus <number>', 'processors to offer, where several nodes share a machine', parseWhole)
    .option('--memory <quantity>', 'memory to offer, such as 4Gi')
    .option('--pause-image <image>', 'image of the sandbox container')
    .option('--resolv-conf <file>', "the node's own DNS settings", '/etc/resolv.conf')
    .option('--log-level <level>', 'trace, debug, info, warn or error', 'info')
    .parse([...argv])
  const { memory, nodeIp, ...options } = command.opts<AgentFlags>()
  refuseUnknown(command, options)
  return {
    ...options,
    ...addressesOf(command, nodeIp),
    ...(memory !== undefined && { memoryBytes: toBytes(memory) }),
  }
}

type AgentFlags = Omit<AgentOptions, 'nodeIp' | 'nodeIps'> & { nodeIp?: string; memory?: string }

function addressesOf(
  command: Command,
  flag: string | undefined,
): Pick<AgentOptions, 'nodeIp' | 'nodeIps' | 'ownAddress'> {
  if (flag !== undefined) {
    const nodeIps = flag.split(',')
    return { nodeIp: nodeIps[0] ?? '', nodeIps }
  }
  const ownAddress = readOwnAddress() ?? command.error('error: this host has no address: connect it, or use --node-ip')
  return { nodeIp: ownAddress.address, nodeIps: [ownAddress.address], ownAddress }
}

function refuseUnknown(command: Command, { proxyMode, ipvsScheduler, network }: AgentFlags): void {
  if (proxyMode !== 'none' && !isProxyMode(proxyMode))
    command.error(`error: --proxy-mode ${proxyMode}: must be one of ${proxyModeWords.join(', ')}`)
  if (!isScheduler(ipvsScheduler))
    command.error(`error: --ipvs-scheduler ${ipvsScheduler}: must be one of ${schedulers.join(', ')}`)
  if (!networkKinds.includes(network))
    command.error(`error: --network ${network}: must be one of ${networkKinds.join(', ')}`)
}

/** The API server gives none for less. */
function parseLife(text: string): number {
  const seconds = parseWhole(text)
  if (seconds < 600) throw new InvalidArgumentError('must be 600 at least.')
  return seconds
}

function parseWhole(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('must be a whole number.')
  return number
}
