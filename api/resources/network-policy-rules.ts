// Rules for NetworkPolicies. https://kubernetes.io/docs/concepts/services-networking/network-policies/

import { BlockList, isIP } from 'node:net'
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '../generated/types.ts'
import { forbiddenField, invalidIf, invalidValue, required } from '../objects/field-errors.ts'
import { whyNotPortName } from '../objects/names.ts'
import type { FieldError } from '../objects/status-error.ts'
import { validateLabelSelector } from './label-selector-rules.ts'
import { mustBeOneOf, mustBePort } from './rules.ts'

const notRange = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
const typeNames = ['Ingress', 'Egress']

/** All that is wrong with a NetworkPolicy. */
export function validateNetworkPolicy({ spec = {} }: NetworkPolicy): FieldError[] {
  return [
    ...validateLabelSelector(spec.podSelector, 'spec.podSelector'),
    ...(spec.ingress ?? []).flatMap((rule, index) =>
      validateRule(rule?.ports, rule?.from, `spec.ingress[${index}]`, 'from'),
    ),
    ...(spec.egress ?? []).flatMap((rule, index) => validateRule(rule?.ports, rule?.to, `spec.egress[${index}]`, 'to')),
    ...validateTypes(spec),
  ]
}

function validateTypes({ policyTypes = [] }: NetworkPolicySpec): FieldError[] {
  if (policyTypes.length > typeNames.length)
    return [invalidValue('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes')]
  return policyTypes.flatMap((type, index) => mustBeOneOf(`spec.policyTypes[${index}]`, type, typeNames))
}

function validateRule(
  ports: NetworkPolicyPort[] = [],
  peers: NetworkPolicyPeer[] = [],
  path: string,
  peersField: 'from' | 'to',
): FieldError[] {
  return [
    ...ports.flatMap((port, index) => validatePort(port, `${path}.ports[${index}]`)),
    ...peers.flatMap((peer, index) => validatePeer(peer, `${path}.${peersField}[${index}]`)),
  ]
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): FieldError[] {
  const field = `${path}.endPort`
  const end = (why: string) => (endPort === undefined ? [] : [invalidValue(field, endPort, why)])
  const errors = mustBeOneOf(`${path}.protocol`, protocol, ['TCP', 'UDP', 'SCTP'])
  if (port === undefined) return [...errors, ...end('may not be specified when `port` is not specified')]
  if (typeof port === 'string')
    return [
      ...errors,
      ...end('may not be specified when `port` is non-numeric'),
      ...invalidIf(`${path}.port`, port, whyNotPortName(port)),
    ]
  const isBackwards = endPort !== undefined && endPort < port
  return [
    ...errors,
    ...mustBePort(`${path}.port`, port),
    ...(isBackwards ? [invalidValue(field, port, 'must be greater than or equal to `port`')] : []),
    ...mustBePort(field, endPort),
  ]
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string): FieldError[] {
  const hasSelector = podSelector !== undefined || namespaceSelector !== undefined
  if (!hasSelector && ipBlock === undefined) return [required(path, 'must specify a peer')]
  return [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...(ipBlock === undefined ? [] : validateBlock(ipBlock, `${path}.ipBlock`)),
    ...(hasSelector && ipBlock !== undefined
      ? [forbiddenField(path, 'may not specify both ipBlock and another peer')]
      : []),
  ]
}

function validateBlock({ cidr, except = [] }: IPBlock, path: string): FieldError[] {
  if (cidr === undefined || cidr === '') return [required(`${path}.cidr`)]
  const outer = readRange(cidr)
  return [
    ...(outer === undefined ? [invalidValue(`${path}.cidr`, cidr, notRange)] : []),
    ...except.flatMap((text, index) => {
      const field = `${path}.except[${index}]`
      const inner = readRange(text)
      if (inner === undefined) return [invalidValue(field, text, notRange)]
      if (outer === undefined || isStrictlyWithin(inner, outer)) return []
      return [invalidValue(field, text, 'must be a strict subset of `cidr`')]
    }),
  ]
}

interface Range {
  address: string
  length: number
  family: 'ipv4' | 'ipv6'
}

/** Bits behind the prefix may be set, as Kubernetes allows: 10.9.8.7/24 is 10.9.8.0/24. */
function readRange(text: string): Range | undefined {
  const [, address = '', digits = ''] = /^([0-9A-Fa-f:.]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  const version = isIP(address)
  const length = Number(digits)
  if (version === 0 || length > (version === 4 ? 32 : 128)) return undefined
  return { address, length, family: version === 4 ? 'ipv4' : 'ipv6' }
}

function isStrictlyWithin(inner: Range, outer: Range): boolean {
  if (inner.family !== outer.family || inner.length <= outer.length) return false
  const list = new BlockList()
  list.addSubnet(outer.address, outer.length, outer.family)
  return list.check(inner.address, inner.family)
}
