// What `init` and `join` are told, and what follows from it.

import type { ClusterSettings } from '../api/client/join/cluster-settings.ts'
import type { CheckResult, HostWish } from './checks/check.ts'

/** A node, as flags and the cluster have it. */
export interface NodeSettings extends ClusterSettings {
  nodeName: string
  /** One a family, with a comma between; absent: that of the host, whatever it is when the agent starts. */
  nodeIp?: string
  /** "on" or "off". */
  networkPolicy: string
}

/** A control plane. */
export interface ServerSettings {
  /** Absent: that of the host, whatever it is when the control plane starts. */
  advertiseAddress?: string
  /** Names in DNS of this host. */
  serverNames: readonly string[]
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

/** The results that keep the host from being set up; `ignored` are names that the user takes upon himself. */
export function blocking(results: readonly CheckResult[], ignored: readonly string[]): CheckResult[] {
  return results.filter(({ name, state }) => state === 'failed' && !ignored.includes(name))
}

/** Each address once that flags name (lists with a comma between), otherwise the host's own, if it has one. */
export function addressesOf(flags: readonly (string | undefined)[], ownAddress: string | undefined): string[] {
  const named = flags.flatMap((flag) => flag?.split(',') ?? [])
  return named.length > 0 ? [...new Set(named)] : [ownAddress ?? []].flat()
}

/** What the host is to become, for its checks. */
export function toWish(
  settings: { nodeName: string; addresses: readonly string[]; port: number } & Pick<
    ServerSettings,
    'clusterCidr' | 'serviceCidr' | 'network' | 'proxyMode'
  >,
  role: Pick<HostWish, 'isServer' | 'isNode'>,
): HostWish {
  const { nodeName, addresses, port, clusterCidr, serviceCidr, network, proxyMode } = settings
  return {
    ...role,
    nodeName,
    addresses,
    port,
    network: network as HostWish['network'],
    proxyMode: proxyMode as HostWish['proxyMode'],
    clusterCidrs: clusterCidr.split(','),
    serviceCidrs: serviceCidr.split(','),
  }
}
