// What a node must know of its cluster before it can be one of its nodes: the ConfigMap kube-system/fairlead-config, which the
// control plane keeps and joining hosts read.

import type { ConfigMap } from '../../generated/types.ts'
import { configMaps } from '../../resources/config-maps.ts'
import type { Client } from '../client.ts'

/** Where the settings are. */
export const clusterSettingsName = { namespace: 'kube-system', name: 'fairlead-config' }

const fields = [
  // Ranges of pods, one a family, with a comma between.
  'clusterCidr',
  // Ranges of Services, likewise.
  'serviceCidr',
  // Address of the cluster's DNS server.
  'clusterDns',
  // What Services are below in DNS.
  'clusterDomain',
  // How pods reach pods on other nodes: networkKinds.
  'network',
  // How Services are served: proxyModeWords.
  'proxyMode',
] as const

/** The agent's flags that are the same on every node, as text that its flags take. */
export type ClusterSettings = Record<(typeof fields)[number], string>

/** Reads them as whoever the client is; a bootstrap token may. Throws StatusError, or an Error that names what is missing. */
export async function readClusterSettings(client: Client): Promise<ClusterSettings> {
  const { data = {} }: ConfigMap = await client.get(configMaps, clusterSettingsName)
  const missing = fields.filter((field) => data[field] === undefined)
  if (missing.length > 0)
    throw new Error(
      `ConfigMap kube-system/fairlead-config has no ${missing.join(', ')}: ` +
        'the control plane is older than this program; run fairlead upgrade there first',
    )
  return Object.fromEntries(fields.map((field) => [field, data[field]])) as ClusterSettings
}

/** The ConfigMap that holds them. */
export function makeClusterSettings(settings: ClusterSettings): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: clusterSettingsName, data: { ...settings } }
}
