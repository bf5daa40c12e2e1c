// Rules for Endpoints and EndpointSlices.

import type { Endpoint, EndpointSlice, Endpoints } from '../generated/types.ts'
import { ipFamilyOf, isAddress } from '../objects/addresses.ts'
import { immutable, invalidIf, invalidValue, required, tooMany } from '../objects/field-errors.ts'
import { whyNotDnsSubdomain } from '../objects/names.ts'
import type { Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'
import { mustBeMachineAddress, mustBeOneOf, mustBePort, mustBeUnique } from './rules.ts'

const endpointLimit = 1000
const addressLimit = 100
const protocols = ['SCTP', 'TCP', 'UDP']

/** All that is wrong with Endpoints. */
export function validateEndpoints({ subsets = [] }: Endpoints): FieldError[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, index) => {
    const path = `subsets[${index}]`
    const isEmpty = addresses.length + notReadyAddresses.length === 0
    return [
      ...(isEmpty ? [required(path, 'must specify `addresses` or `notReadyAddresses`')] : []),
      ...addresses.flatMap(({ ip }, place) => mustBeMachineAddress(`${path}.addresses[${place}].ip`, ip)),
      ...notReadyAddresses.flatMap(({ ip }, place) =>
        mustBeMachineAddress(`${path}.notReadyAddresses[${place}].ip`, ip),
      ),
      ...ports.flatMap(({ port, protocol }, place) => [
        ...mustBePort(`${path}.ports[${place}].port`, port ?? 0),
        ...mustBeOneOf(`${path}.ports[${place}].protocol`, protocol, protocols),
      ]),
    ]
  })
}

/** All that is wrong with an EndpointSlice. */
export function validateEndpointSlice({ addressType, endpoints = [], ports = [] }: EndpointSlice): FieldError[] {
  return [
    ...(addressType ? mustBeOneOf('addressType', addressType, ['FQDN', 'IPv4', 'IPv6']) : [required('addressType')]),
    ...(endpoints.length > endpointLimit ? [tooMany('endpoints', endpoints.length, endpointLimit)] : []),
    ...endpoints.flatMap((endpoint, index) => validateEndpoint(endpoint, addressType, `endpoints[${index}]`)),
    ...mustBeUnique(
      ports.map(({ name }) => name),
      (index) => `ports[${index}].name`,
    ),
    ...ports.flatMap(({ port, protocol }, index) => [
      ...mustBePort(`ports[${index}].port`, port),
      ...mustBeOneOf(`ports[${index}].protocol`, protocol, protocols),
    ]),
  ]
}

/** Addresses of another family make another slice. */
export function validateEndpointSliceUpdate(slice: EndpointSlice, old: Stored<EndpointSlice>): FieldError[] {
  return slice.addressType === old.addressType ? [] : [immutable('addressType', slice.addressType)]
}

function validateEndpoint({ addresses = [] }: Endpoint, addressType: string, path: string): FieldError[] {
  const field = `${path}.addresses`
  if (addresses.length === 0) return [required(field, 'must contain at least 1 address')]
  if (addresses.length > addressLimit) return [tooMany(field, addresses.length, addressLimit)]
  return addresses.flatMap((address, index) => {
    const at = `${field}[${index}]`
    if (addressType === 'FQDN') return invalidIf(at, address, whyNotDnsSubdomain(address))
    const fits = isAddress(address) && ipFamilyOf(address) === addressType
    return fits
      ? mustBeMachineAddress(at, address)
      : [invalidValue(at, address, `must be a valid ${addressType} address`)]
  })
}
