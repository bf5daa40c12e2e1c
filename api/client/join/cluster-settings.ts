// What a node must know of its cluster before it can be one of its nodes: the ConfigMap kube-system/fairlead-config, which the
// control plane keeps and joining hosts read.

import type { ConfigMap } from '../../generated/types.ts'
import { configMaps } from '../../resources/config-maps.ts'
import type { Client } from '../client.ts'

/** Where the settings are. */
export const clusterSettingsName = { namespace: 'kube-system', name: 'fairlead-config' }

const fields = ['clusterCidr', 'serviceCidr', 'clusterDns', 'clusterDomain', 'network', 'proxyMode'] as const

/** The agent's flags that are the same on every node, as text that its flags take. */
export interface ClusterSettings {
  /** Ranges of pods, one a family, with a comma between. */
  clusterCidr: string
  /** Ranges of Services, likewise. */
  serviceCidr: string
  /** Address of the cluster's DNS server. */
  clusterDns: string
  /** What Services are below in DNS. */
  clusterDomain: string
  /** How pods reach pods on other nodes: host-gw, vxlan, … */
  network: string
  /** iptables, nftables, … */
  proxyMode: string
}

/** Reads them as whoever the client is; a bootstrap token may. Throws StatusError, or an Error that names what is missing. */
export async function readClusterSettings(client: Client): Promise<ClusterSettings> {
  const { data = {} }: ConfigMap = await client.get(configMaps, clusterSettingsName)
  const read = (field: (typeof fields)[number]) => {
    const value = data[field]
    if (value === undefined) throw new Error(`ConfigMap kube-system/fairlead-config has no "${field}"`)
    return value
  }
  return {
    clusterCidr: read('clusterCidr'),
    serviceCidr: read('serviceCidr'),
    clusterDns: read('clusterDns'),
    clusterDomain: read('clusterDomain'),
    network: read('network'),
    proxyMode: read('proxyMode'),
  }
}

/** The ConfigMap that holds them. */
export function makeSettings(settings: ClusterSettings): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: clusterSettingsName, data: { ...settings } }
}
