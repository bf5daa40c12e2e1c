// The endpoints behind a Service, from all its slices: each address and host name once, with the ports that it has.

import type { Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { Lookup } from './cluster.ts'

export interface ServiceEndpoint {
  address: string
  hostname: string | undefined
  ports: { name: string; protocol: string; port: number }[]
}

/** Those that are ready; all of them when the Service publishes unready ones. */
export function serviceEndpoints(lookup: Lookup, { metadata, spec }: Stored<Service>): ServiceEndpoint[] {
  // Pods in their host's network share its address: each has a host name of its own.
  const found = new Map<string, ServiceEndpoint>()
  for (const { addressType, endpoints = [], ports = [] } of lookup.slices(`${metadata.namespace}/${metadata.name}`)) {
    if (addressType === 'FQDN') continue
    const records = ports.map(({ name = '', protocol = 'TCP', port = 0 }) => ({
      name,
      protocol: protocol.toLowerCase(),
      port,
    }))
    for (const { addresses, hostname, conditions } of endpoints) {
      const [address] = addresses
      if (address === undefined || (conditions?.ready === false && spec.publishNotReadyAddresses !== true)) continue
      const key = `${address} ${hostname ?? ''}`
      const known = found.get(key)
      if (known === undefined) found.set(key, { address, hostname, ports: records })
      else known.ports = [...known.ports, ...records]
    }
  }
  return [...found.values()]
}
