// fairlead init: this host becomes a control plane, and a node beside it.

import { type Command, Option } from 'commander'
import { parsePort, parseReachable } from '../../api/flags/values.ts'
import { dnsAddressOf } from '../../api/net/cluster-network.ts'
import { run } from '../../cni/linux/exec.ts'
import type { HostFacts } from '../checks/facts.ts'
import { gatherFacts } from '../checks/gather.ts'
import { applyDns } from '../dns.ts'
import { makeJoinCommand } from '../join-command.ts'
import { startNode } from '../node.ts'
import {
  type ClusterOptions,
  clusterOptions,
  ignoreOption,
  type NodeOptions,
  nodeOptions,
  type ServiceOptions,
  serviceOptions,
} from '../options.ts'
import { adminKubeconfigPath, agentPkiDir, programPath, serverDir } from '../paths.ts'
import { changeHost, provideImages, validateHost } from '../prepare.ts'
import { step, tell } from '../progress.ts'
import { startServer, withAdmin } from '../server.ts'
import { type NodeSettings, ownAddress, type ServerSettings, toWish } from '../settings.ts'

interface InitOptions extends ClusterOptions, NodeOptions, ServiceOptions {
  advertiseAddress?: string
  port: number
  clusterDns?: string
  networkPolicy: string
  node: boolean
  dns: boolean
  ignoreCheck: string[]
}

/** Adds the command. */
export function addInit(program: Command): void {
  const command = program
    .command('init')
    .description('make this host a control plane, and a node beside it')
    .option(
      '--advertise-address <address>',
      'address that others reach this host by (default: that of the default route)',
      parseReachable,
    )
    .option('--port <number>', 'where the API server listens', parsePort, 6443)
  for (const option of [...clusterOptions(), ...serviceOptions(), ...nodeOptions()]) command.addOption(option)
  command
    .option(
      '--cluster-dns <address>',
      "address of the cluster's DNS server (default: the tenth of the Services')",
      parseReachable,
    )
    .addOption(
      new Option('--network-policy <on|off>', 'whether NetworkPolicies are kept').choices(['on', 'off']).default('on'),
    )
    .option('--no-node', 'a control plane alone: no Docker, no pods')
    .option('--no-dns', "without the cluster's DNS server")
    .addOption(ignoreOption())
    .addHelpText('after', help)
    .action(init)
}

const help = `
Writes /usr/local/bin/fairlead, /etc/fairlead, /var/lib/fairlead and two systemd units, and nothing when a check fails. A step that
fails takes back what the steps before it did.

Examples:
  sudo fairlead init
  sudo fairlead init --advertise-address 10.0.0.10 --network vxlan --proxy-mode nftables
  sudo fairlead init --cluster-cidr 10.10.0.0/16,fd00:10::/56 --service-cidr 10.11.0.0/16,fd00:11::/112
  sudo fairlead init --no-node`

async function init(options: InitOptions): Promise<void> {
  const facts = await step('checks', gatherFacts)
  const server = toServerSettings(options, facts)
  const wish = toWish(
    { ...server, nodeName: options.nodeName, address: server.advertiseAddress },
    { isServer: true, isNode: options.node },
  )
  validateHost(facts, wish, options.ignoreCheck)
  await changeHost(facts, async (signal) => {
    if (options.node) await provideImages(signal)
    await startServer(server, signal)
    if (options.dns) await step("the cluster's DNS", () => applyDns(server))
    if (options.node) await startOwnNode({ ...server, ...toNodeSettings(options, server) }, signal)
  })
  await tellEnd(options)
}

function toServerSettings(options: InitOptions, facts: HostFacts): ServerSettings {
  const { port, clusterCidr, serviceCidr, clusterDomain, network, proxyMode, nodePortRange, loadBalancerPool } = options
  return {
    advertiseAddress: options.advertiseAddress ?? options.nodeIp?.split(',')[0] ?? ownAddress(facts),
    ...{ port, clusterCidr, serviceCidr, clusterDomain, network, proxyMode, nodePortRange, loadBalancerPool },
    clusterDns: options.clusterDns ?? dnsAddressOf(serviceCidr),
  }
}

function toNodeSettings({ nodeName, nodeIp, networkPolicy }: InitOptions, server: ServerSettings): NodeSettings {
  return { ...server, nodeName, nodeIp: nodeIp ?? server.advertiseAddress, networkPolicy }
}

/** The control plane's key is on this host: its own node needs no token. */
async function startOwnNode(settings: NodeSettings & ServerSettings, signal: AbortSignal): Promise<void> {
  const { nodeName, nodeIp, advertiseAddress, port } = settings
  const host = advertiseAddress.includes(':') ? `[${advertiseAddress}]` : advertiseAddress
  const names = ['--name', nodeName, '--address', ...nodeIp.split(',')]
  await run(programPath, [
    ...['issue-node', '--data-dir', serverDir, ...names],
    ...['--server', `https://${host}:${port}`, '--out', agentPkiDir],
  ])
  await withAdmin((client) => startNode(settings, client, signal))
}

async function tellEnd({ node }: InitOptions): Promise<void> {
  tell(`
The cluster is there${node ? ', with this host as its node' : ''}. To use it, as root:
  export KUBECONFIG=${adminKubeconfigPath}
  fairlead get nodes
or as a user who may use sudo:
  mkdir -p ~/.kube
  sudo install -m 600 -o "$USER" ${adminKubeconfigPath} ~/.kube/config      in place of one that is there

To add a host, run there within 24 hours:`)
  process.stdout.write(`  ${await withAdmin((client) => makeJoinCommand(client))}\n`)
}
