// Zones of endpoints, and hints for whom an endpoint is: proxies keep traffic close when every endpoint carries hints. Pure.
// https://kubernetes.io/docs/concepts/services-networking/service/#traffic-distribution

import type { Endpoint, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'

/** The zone of a node, or undefined when it has none. */
export type ZoneOf = (nodeName: string | undefined) => string | undefined

/** Endpoints with their zones, and with hints where the Service asks for short ways and every endpoint's place is known. */
export function locate(service: Stored<Service>, endpoints: readonly Endpoint[], zoneOf: ZoneOf): Endpoint[] {
  const placed = endpoints.map((endpoint): Endpoint => {
    const zone = zoneOf(endpoint.nodeName)
    return zone === undefined ? endpoint : { ...endpoint, zone }
  })
  const hintFor = hintsOf(service)
  if (hintFor === undefined) return placed
  return placed.map((endpoint) => {
    const hints = hintFor(endpoint)
    return hints === undefined ? endpoint : { ...endpoint, hints }
  })
}

function hintsOf({ spec }: Stored<Service>): ((endpoint: Endpoint) => Endpoint['hints']) | undefined {
  const forZones = ({ zone }: Endpoint) => (zone === undefined ? undefined : { forZones: [{ name: zone }] })
  switch (spec.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return forZones
    case 'PreferSameNode':
      return (endpoint) =>
        endpoint.nodeName === undefined ? undefined : { ...forZones(endpoint), forNodes: [{ name: endpoint.nodeName }] }
    default:
      return undefined
  }
}
