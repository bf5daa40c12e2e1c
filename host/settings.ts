// What `init` and `join` are told, and what follows from it.

import type { ClusterSettings } from '../api/client/join/cluster-settings.ts'
import type { CheckResult, HostWish } from './checks/check.ts'
import type { HostFacts } from './checks/facts.ts'

/** A node, as flags and the cluster have it. */
export interface NodeSettings extends ClusterSettings {
  nodeName: string
  /** One a family, with a comma between. */
  nodeIp: string
  /** "on" or "off". */
  networkPolicy: string
}

/** A control plane. */
export interface ServerSettings {
  advertiseAddress: string
  port: number
  clusterCidr: string
  serviceCidr: string
  clusterDns: string
  clusterDomain: string
  network: string
  proxyMode: string
  nodePortRange: string
  loadBalancerPool: string | undefined
}

/** The host's own address: the IPv4 address, else the IPv6 address, of the link of the default route, else of any link. */
export function ownAddress({ addresses, defaultDev }: Pick<HostFacts, 'addresses' | 'defaultDev'>): string {
  const ofDefault = addresses.filter(({ dev }) => dev === defaultDev)
  const candidates = [...ofDefault, ...addresses.filter(({ dev }) => !isBridgeOfOthers(dev))]
  const chosen = candidates.find(({ address }) => !address.includes(':')) ?? candidates[0]
  return chosen?.address ?? ''
}

/** Networks of containers on this very host. */
const isBridgeOfOthers = (dev: string) => /^(docker|br-|virbr|veth|cni|lxc)/.test(dev)

/** The results that keep the host from being set up; `ignored` are names that the user takes upon himself. */
export function blocking(results: readonly CheckResult[], ignored: readonly string[]): CheckResult[] {
  return results.filter(({ name, state }) => state === 'failed' && !ignored.includes(name))
}

/** What the host is to become, for its checks. */
export function toWish(
  settings: { nodeName: string; address: string; port: number } & Pick<
    ServerSettings,
    'clusterCidr' | 'serviceCidr' | 'network' | 'proxyMode'
  >,
  role: Pick<HostWish, 'isServer' | 'isNode'>,
): HostWish {
  const { nodeName, address, port, clusterCidr, serviceCidr, network, proxyMode } = settings
  return {
    ...role,
    nodeName,
    address,
    port,
    network: network as HostWish['network'],
    proxyMode: proxyMode as HostWish['proxyMode'],
    clusterCidrs: clusterCidr.split(','),
    serviceCidrs: serviceCidr.split(','),
  }
}
