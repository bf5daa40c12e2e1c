// fairlead init: this host becomes a control plane, and a node beside it.

import { lookup } from 'node:dns/promises'
import type { Command } from 'commander'
import { addDomain, parsePort, parseReachable } from '../../api/flags/values.ts'
import { dnsAddressOf } from '../../api/net/cluster-network.ts'
import { httpsUrl } from '../../api/objects/addresses.ts'
import { run } from '../../cni/linux/exec.ts'
import { gatherFacts } from '../checks/gather.ts'
import { applyDns } from '../dns.ts'
import { Refusal } from '../failure.ts'
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
import { addressesOf, type NodeSettings, type ServerSettings, toWish } from '../settings.ts'

interface InitOptions extends ClusterOptions, NodeOptions, ServiceOptions {
  advertiseAddress?: string
  serverName: string[]
  port: number
  clusterDns?: string
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
    .option(
      '--server-name <name>',
      'name in DNS of this host, which joining hosts are told in place of its address; may be repeated',
      addDomain,
      [],
    )
    .option('--port <number>', 'where the API server listens', parsePort, 6443)
  for (const option of [...clusterOptions(), ...serviceOptions(), ...nodeOptions()]) command.addOption(option)
  command
    .option(
      '--cluster-dns <address>',
      "address of the cluster's DNS server (default: the tenth of the Services')",
      parseReachable,
    )
    .option('--no-node', 'a control plane alone: no Docker, no pods')
    .option('--no-dns', "without the cluster's DNS server")
    .addOption(ignoreOption())
    .addHelpText('after', help)
    .action(init)
}

const help = `
Writes /usr/local/bin/fairlead, /etc/fairlead, /var/lib/fairlead and two systemd units, and nothing when a check fails. A step that
fails takes back what the steps before it did; after --ignore-check leftovers it takes back nothing.

Examples:
  sudo fairlead init
  sudo fairlead init --advertise-address 10.0.0.10 --network vxlan --proxy-mode nftables
  sudo fairlead init --cluster-cidr 10.10.0.0/16,fd00:10::/56 --service-cidr 10.11.0.0/16,fd00:11::/112
  sudo fairlead init --server-name cluster.example.com
  sudo fairlead init --no-node`

async function init(options: InitOptions): Promise<void> {
  const facts = await step('checks', gatherFacts)
  const server = toServerSettings(options)
  await refuseNames(options)
  const addresses = addressesOf([server.advertiseAddress, ...(options.node ? [options.nodeIp] : [])], facts.ownAddress)
  const wish = toWish({ ...server, nodeName: options.nodeName, addresses }, { isServer: true, isNode: options.node })
  validateHost(facts, wish, options.ignoreCheck)
  await changeHost(facts, async (signal) => {
    if (options.node) await provideImages(signal)
    await startServer(server, signal)
    if (options.dns) await step("the cluster's DNS", () => applyDns(server))
    if (options.node) await startOwnNode(toNodeSettings(options, server), { ...wish, signal })
  })
  await tellEnd(options)
}

/** A name is of no use that this host itself does not find; one that is also its node's would be signed for whoever is that node. */
async function refuseNames({ serverName, nodeName, node }: InitOptions): Promise<void> {
  for (const name of serverName) {
    const refuse = (why: string, cause?: unknown) => {
      throw new Refusal(`--server-name ${name}: ${why}. Nothing was changed`, { cause })
    }
    if (node && name === nodeName) refuse('is the name of the node too: choose another for that with --node-name')
    await lookup(name).catch((cause) =>
      refuse('leads nowhere on this host: put it into DNS, or into /etc/hosts of all hosts', cause),
    )
  }
}

function toServerSettings(options: InitOptions): ServerSettings {
  const { port, clusterCidr, serviceCidr, clusterDomain, network, proxyMode, nodePortRange, loadBalancerPool } = options
  const advertiseAddress = options.advertiseAddress ?? options.nodeIp?.split(',')[0]
  return {
    ...(advertiseAddress !== undefined && { advertiseAddress }),
    serverNames: options.serverName,
    ...{ port, clusterCidr, serviceCidr, clusterDomain, network, proxyMode, nodePortRange, loadBalancerPool },
    clusterDns: options.clusterDns ?? dnsAddressOf(serviceCidr),
  }
}

function toNodeSettings({ nodeName, nodeIp, networkPolicy }: InitOptions, server: ServerSettings): NodeSettings {
  const address = nodeIp ?? server.advertiseAddress
  return { ...server, nodeName, ...(address !== undefined && { nodeIp: address }), networkPolicy }
}

/**
 * The control plane's key is on this host: its own node needs no token. It reaches the API server by loopback, whatever the host's
 * address is.
 */
async function startOwnNode(
  settings: NodeSettings,
  { addresses, port, signal }: { addresses: readonly string[]; port: number; signal: AbortSignal },
): Promise<void> {
  const own = addressesOf([settings.nodeIp], addresses[0])
  await run(programPath, [
    ...['issue-node', '--data-dir', serverDir, '--name', settings.nodeName, '--address', ...own],
    ...['--server', httpsUrl('127.0.0.1', port), '--out', agentPkiDir],
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
