// The control plane's commands and flags.

import { Command, InvalidArgumentError, Option } from 'commander'
import {
  addDomain,
  type PortRange,
  parseAddress,
  parseCidrs,
  parseDomain,
  parsePool,
  parsePort,
  parsePortRange,
  parseReachable,
} from '../api/flags/values.ts'
import { networkKinds, proxyModeWords } from '../api/net/cluster-network.ts'
import type { CloudOptions } from './cloud-provider.ts'

export interface ServeOptions extends CloudOptions {
  dataDir: string
  bindAddress: string
  port: number
  advertiseAddress: string
  /** Names that others may reach this host by; the first is what they are told, in place of the address. */
  serverName?: string[]
  /** One range per address family. */
  serviceCidr: string[]
  clusterCidr: string[]
  /** What nodes are told that join; absent: the tenth address of the first range of Services. */
  clusterDns?: string
  clusterDomain: string
  network: string
  proxyMode: string
  nodePortRange: PortRange
  /** Milliseconds. */
  nodeMonitorGracePeriod: number
  /** Milliseconds. */
  podEvictionWait: number
  logLevel: string
}

/** As given: without an address, that of the host counts. */
export type ServeFlags = Omit<ServeOptions, 'advertiseAddress'> & { advertiseAddress?: string }

interface IssueNodeOptions {
  dataDir: string
  name: string
  address: string[]
  server?: string
  out: string
}

/** What the commands do. */
export interface Commands {
  serve(flags: ServeFlags): Promise<void>
  issueNode(options: IssueNodeOptions): Promise<void>
}

const dataDirFlag = ['--data-dir <dir>', 'where the store, keys and certificates are', '/var/lib/fairlead'] as const

/** The program, to be given a command line. */
export function makeProgram({ serve, issueNode }: Commands): Command {
  const program = new Command('fairlead').description(
    'Runs the control plane of a Fairlead cluster: API server, scheduler and controllers in one process.',
  )
  addServe(program).action(serve)
  addIssueNode(program).action(issueNode)
  return program
}

function addServe(program: Command): Command {
  return program
    .command('server')
    .alias('serve')
    .description('run until SIGTERM; the first start makes keys and DATA-DIR/admin.kubeconfig')
    .option(...dataDirFlag)
    .option('--bind-address <address>', 'address to listen on', parseAddress, '0.0.0.0')
    .option('--port <port>', 'port to listen on', parsePort, 6443)
    .option(
      '--advertise-address <address>',
      'address that others reach this host by (default: that of the default route)',
      parseReachable,
    )
    .option(
      '--server-name <name>',
      'name in DNS of this host, for those who are to reach it by that; may be repeated',
      addDomain,
    )
    .option('--service-cidr <cidrs>', "range of Services' addresses, one per address family", parseCidrs, [
      '10.96.0.0/16',
    ])
    .option('--cluster-cidr <cidrs>', "range of pods' addresses, one per address family", parseCidrs, ['10.244.0.0/16'])
    .option(
      '--cluster-dns <address>',
      "told to nodes that join: the cluster's DNS server (default: tenth Service address)",
      parseAddress,
    )
    .option(
      '--cluster-domain <name>',
      'told to nodes that join: what Services are below in DNS',
      parseDomain,
      'cluster.local',
    )
    .addOption(
      new Option('--network <kind>', 'told to nodes that join: how pods reach pods on other nodes')
        .choices(networkKinds)
        .default('host-gw'),
    )
    .addOption(
      new Option('--proxy-mode <mode>', 'told to nodes that join: how Services are served')
        .choices(proxyModeWords)
        .default('iptables'),
    )
    .option('--node-port-range <from-to>', 'range of node ports', parsePortRange, { from: 30_000, to: 32_767 })
    .option('--node-monitor-grace-period <time>', 'a node silent for so long is unreachable', parseDuration, 40_000)
    .option('--pod-eviction-wait <time>', 'pods stay so long on a node that is not ready', parseDuration, 300_000)
    .option(
      '--load-balancer-pool <ranges>',
      'addresses of the node network for Services of type LoadBalancer: 192.0.2.200-192.0.2.220,2001:db8::100/120',
      parsePool,
      [],
    )
    .option('--cloud-provider <name>', 'bare-metal, none, or the path of a module that makes one', 'bare-metal')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .addHelpText(
      'after',
      `
Examples:
  fairlead server --data-dir /var/lib/fairlead --advertise-address 10.0.0.10
  KUBECONFIG=/var/lib/fairlead/admin.kubeconfig kubectl get nodes`,
    )
}

function addIssueNode(program: Command): Command {
  return program
    .command('issue-node')
    .description("write an agent's credentials: ca.crt, kubeconfig, server.crt and server.key")
    .option(...dataDirFlag)
    .requiredOption('--name <name>', "the node's name")
    .requiredOption('--address <address...>', 'addresses that the agent is reached by')
    .option('--server <url>', 'URL of the API server (default: port 6443 of this host)', parseUrl)
    .requiredOption('--out <dir>', 'where to put them')
    .addHelpText(
      'after',
      `
Example:
  fairlead issue-node --name node-1 --address 10.0.0.11 --server https://10.0.0.10:6443 --out node-1`,
    )
}

/** Milliseconds of "90s", "1m30s", "500ms"; a number alone is seconds. */
export function parseDuration(text: string): number {
  const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1000 }
  if (!/^(\d+(ms|s|m|h))+$|^\d+$/.test(text)) throw new InvalidArgumentError('Expected a time such as 40s or 5m.')
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|)/g)]
  return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (unitMs[unit] ?? 0), 0)
}

function parseUrl(text: string): string {
  if (!/^https:\/\//.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('Expected a URL such as https://10.0.0.10:6443.')
  return text
}
