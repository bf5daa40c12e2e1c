// The parts that write the network into this node's kernel, and those that look at it there.

import { join } from 'node:path'
import { toKey } from '../api/objects/object.ts'
import { Announcer } from './announcer/announcer.ts'
import { type Foundation, listenAddressOf } from './foundation.ts'
import { Faults } from './net/faults.ts'
import { NodeNet } from './net/node-net.ts'
import { CniNetwork } from './network/cni-network.ts'
import { watchFlushes } from './network/flush-watch.ts'
import { NodeNetwork } from './network/node-network.ts'
import { forwardChain } from './network/node-rules.ts'
import { ensureWireguardKey, type WireguardKey } from './network/wireguard-key.ts'
import { NetworkPolicies } from './policy/network-policies.ts'
import { NftablesBackend, removePolicyRules } from './policy/nftables/nftables-backend.ts'
import { removeOtherModes } from './proxy/modes.ts'
import { ServiceProxy } from './proxy/service-proxy.ts'

export class NetworkParts {
  readonly network: CniNetwork
  readonly nodeNetwork: NodeNetwork
  /** Of the network kind wireguard. */
  readonly wireguardKey: WireguardKey | undefined
  /** Absent when the node keeps none. */
  readonly policies: NetworkPolicies | undefined
  readonly faults: Faults
  readonly nodeNet: NodeNet
  readonly #announcer: Announcer
  readonly #serviceProxy: ServiceProxy | undefined
  readonly #proxyMode: Foundation['options']['proxyMode']
  readonly #clusterCidr: string
  readonly #log: Foundation['log']
  readonly #onError: (error: unknown) => void

  constructor(base: Foundation) {
    const { options, runtime, report, log } = base
    const { dataDir, nodeName, proxyMode } = options
    this.#proxyMode = proxyMode
    this.#clusterCidr = options.clusterCidr
    this.#log = log
    this.#onError = report('network')
    this.network = new CniNetwork({
      confDir: options.cniConfDir,
      binDirs: [options.cniBinDir],
      dataDir: join(dataDir, 'cni'),
      onError: report('network'),
    })
    this.wireguardKey =
      options.network === 'wireguard' ? ensureWireguardKey(join(dataDir, 'wireguard', 'private.key')) : undefined
    this.nodeNetwork = makeNodeNetwork(base, this.wireguardKey)
    this.policies = options.networkPolicy === 'on' ? makePolicies(base, this.network) : undefined
    this.#announcer = makeAnnouncer(base)
    this.#serviceProxy = proxyMode === 'none' ? undefined : makeServiceProxy(base, proxyMode)
    this.faults = new Faults({ nodeName, runtime, onError: report('faults') })
    this.nodeNet = new NodeNet({
      nodeName,
      runtime,
      parts: {
        node: this.nodeNetwork,
        pods: this.network,
        ...(this.policies && { policy: this.policies }),
        ...(this.#serviceProxy && { services: this.#serviceProxy }),
        balancers: this.#announcer,
        faults: this.faults,
      },
      onError: report('net'),
    })
  }

  /** Removes what an earlier life with other flags left, and what a killed one did. To be called before run. */
  async sweep(): Promise<void> {
    await removeOtherModes(this.#proxyMode === 'none' ? undefined : this.#proxyMode)
    if (this.policies === undefined) await removePolicyRules()
    await this.nodeNet.sweep()
    await this.faults.sweep()
  }

  /** Keeps the network until the signal aborts. All of it stays then: pods outlive the agent. */
  async run(signal: AbortSignal): Promise<void> {
    const loops = [this.nodeNetwork, this.#announcer, this.policies, this.#serviceProxy]
    await Promise.all([...loops.map((loop) => loop?.run(signal)), this.#watchFlushes(signal)])
  }

  async #watchFlushes(signal: AbortSignal): Promise<void> {
    const written = [this.nodeNetwork, this.#announcer, this.policies, this.#serviceProxy]
    await watchFlushes(
      forwardChain(this.#clusterCidr),
      {
        onFlush: () => {
          this.#log.warn('somebody has flushed the rules of this node: they are written anew')
          for (const part of written) part?.resync()
          this.network.mend().catch(this.#onError)
        },
        onError: this.#onError,
      },
      signal,
    )
  }
}

function makeNodeNetwork({ options, view, report }: Foundation, wireguardKey: WireguardKey | undefined): NodeNetwork {
  return new NodeNetwork({
    nodes: view.nodes,
    nodeName: options.nodeName,
    nodeIps: options.nodeIps,
    kind: options.network,
    ...(wireguardKey && { wireguardKey }),
    clusterCidrs: options.clusterCidr.split(','),
    confDir: options.cniConfDir,
    reservationsDir: join(options.dataDir, 'cni', 'reservations'),
    onError: report('network'),
  })
}

function makePolicies({ options, client, report }: Foundation, network: CniNetwork): NetworkPolicies {
  return new NetworkPolicies({
    client,
    nodeName: options.nodeName,
    backend: new NftablesBackend(),
    attached: async () =>
      [...(await network.attachments())].map(([sandboxId, { pod, ips }]) => ({ sandboxId, podKey: toKey(pod), ips })),
    onError: report('policy'),
  })
}

function makeAnnouncer({ options, client, view, report, log }: Foundation): Announcer {
  return new Announcer({
    client,
    nodeName: options.nodeName,
    nodeIp: options.nodeIp,
    ...view,
    onError: report('announcer'),
    onTaken: ({ address, service }) => log.info({ address, service }, 'taking a load balancer address'),
  })
}

function makeServiceProxy(
  { options, view, report }: Foundation,
  mode: Exclude<Foundation['options']['proxyMode'], 'none'>,
): ServiceProxy {
  const { proxyHealthPort: port } = options
  return new ServiceProxy({
    ...view,
    nodeName: options.nodeName,
    clusterCidrs: options.clusterCidr.split(','),
    serviceCidrs: options.serviceCidr.split(','),
    mode,
    ipvsScheduler: options.ipvsScheduler,
    nodeIps: options.nodeIps,
    ...(port > 0 && { health: { host: listenAddressOf(options), port } }),
    onError: report('proxy'),
  })
}
