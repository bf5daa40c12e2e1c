// Which address families a Service has: what it asks for, against what the cluster has. Pure, but for the spec it is told to
// settle. https://kubernetes.io/docs/concepts/services-networking/dual-stack/#services

import type { Service, ServiceSpec } from '../../api/generated/types.ts'
import { type IpFamily, ipFamilyOf } from '../../api/objects/addresses.ts'
import { invalidValue } from '../../api/objects/field-errors.ts'
import { invalid } from '../../api/objects/status-error.ts'
import { services } from '../../api/resources/services.ts'

/** Fills ipFamilies and ipFamilyPolicy in and cuts clusterIPs to fit. `old` is the spec before an update. Throws what cannot be. */
export function settleFamilies(
  service: Service,
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  cluster: readonly IpFamily[],
): void {
  const before = old?.type === 'ExternalName' ? undefined : old
  const addresses = givenAddresses(spec)
  const asked = askedFamilies(spec, addresses)
  checkAsked(service, spec, asked, addresses, cluster)
  spec.ipFamilyPolicy ??= before?.ipFamilyPolicy ?? (asked.length > 1 ? refusePolicy(service) : 'SingleStack')
  const wanted = asked.length > 0 ? asked : (before?.ipFamilies ?? []).filter(isFamily)
  spec.ipFamilies = fitToPolicy(service, spec, wanted, before, cluster)
  if (spec.clusterIPs !== undefined && !isHeadless(spec))
    spec.clusterIPs = spec.clusterIPs.slice(0, spec.ipFamilies.length)
}

/** A headless Service that selects nothing has endpoints that somebody else writes, of any family. */
function takesAnyFamily(spec: ServiceSpec): boolean {
  return isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0
}

const isHeadless = ({ clusterIP, clusterIPs }: ServiceSpec) => (clusterIP || clusterIPs?.[0]) === 'None'
const isFamily = (name: string): name is IpFamily => name === 'IPv4' || name === 'IPv6'

function givenAddresses(spec: ServiceSpec): string[] {
  if (isHeadless(spec)) return []
  const { clusterIP = '', clusterIPs = [] } = spec
  return (clusterIPs.length > 0 ? clusterIPs : [clusterIP]).filter((address) => address !== '')
}

/** The families that the spec names, or that its addresses are of. */
function askedFamilies({ ipFamilies = [] }: ServiceSpec, addresses: readonly string[]): IpFamily[] {
  const named = ipFamilies.filter(isFamily)
  return [...named, ...addresses.slice(named.length).map(ipFamilyOf)]
}

function checkAsked(
  service: Service,
  spec: ServiceSpec,
  asked: readonly IpFamily[],
  addresses: readonly string[],
  cluster: readonly IpFamily[],
): void {
  const mixed = addresses.findIndex((address, index) => ipFamilyOf(address) !== asked[index])
  if (mixed !== -1)
    throw refuse(
      service,
      `spec.clusterIPs[${mixed}]`,
      addresses[mixed],
      `expected an ${asked[mixed]} value as indicated by \`ipFamilies[${mixed}]\``,
    )
  const unknown = asked.findIndex((family) => !cluster.includes(family))
  if (unknown !== -1 && !takesAnyFamily(spec))
    throw refuse(service, `spec.ipFamilies[${unknown}]`, asked[unknown], 'not configured on this cluster')
}

function refusePolicy(service: Service): never {
  const why = 'must be RequireDualStack or PreferDualStack when multiple `ipFamilies` are specified'
  throw refuse(service, 'spec.ipFamilyPolicy', null, why)
}

function fitToPolicy(
  service: Service,
  spec: ServiceSpec,
  wanted: readonly IpFamily[],
  old: ServiceSpec | undefined,
  cluster: readonly IpFamily[],
): IpFamily[] {
  const first = wanted[0] ?? cluster[0] ?? 'IPv4'
  if (spec.ipFamilyPolicy === 'SingleStack') {
    // From two families to one: the update need not name which stays, it is the first.
    const isDowngrade = old !== undefined && old.ipFamilyPolicy !== 'SingleStack'
    if (wanted.length > 1 && !isDowngrade) refusePolicy(service)
    return [first]
  }
  const other = first === 'IPv4' ? 'IPv6' : 'IPv4'
  const isDual = takesAnyFamily(spec) || (cluster.includes(first) && cluster.includes(other))
  if (spec.ipFamilyPolicy === 'RequireDualStack' && !isDual)
    throw refuse(
      service,
      'spec.ipFamilyPolicy',
      spec.ipFamilyPolicy,
      'this cluster is not configured for dual-stack services',
    )
  return isDual ? [first, other] : [first]
}

function refuse(service: Service, field: string, value: unknown, why: string) {
  return invalid(services, service.metadata?.name ?? '', [invalidValue(field, value, why)])
}
