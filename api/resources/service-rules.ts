import { isDeepStrictEqual } from 'node:util'
import ipaddr from 'ipaddr.js'
import type { Service, ServicePort, ServiceSpec } from '../generated/types.ts'
import { duplicate, forbiddenField, immutable, invalidIf, invalidValue, required } from '../objects/field-errors.ts'
import { whyNotDnsLabel, whyNotDnsSubdomain } from '../objects/names.ts'
import type { Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'
import { validateLabels } from './metadata-rules.ts'
import { validateTargetPort } from './pod-spec/probes.ts'
import { mustBeAddress, mustBeBetween, mustBeMachineAddress, mustBeOneOf, mustBePort, mustBeUnique } from './rules.ts'

const secondsPerDay = 86_400

/** All that is wrong with a Service, but for addresses and node ports outside of the cluster's ranges or taken. */
export function validateService({ spec }: Service): FieldError[] {
  if (spec === undefined) return [required('spec')]
  return [
    ...mustBeOneOf('spec.type', spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validatePorts(spec),
    ...validateAffinity(spec),
    ...validateAddresses(spec),
    ...validateExternalName(spec),
    ...mustBeOneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']),
    ...mustBeOneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']),
    ...validateFamilies(spec),
    ...validateSourceRanges(spec),
    ...validateBalancer(spec),
    ...mustBeOneOf('spec.trafficDistribution', spec.trafficDistribution, [
      'PreferClose',
      'PreferSameNode',
      'PreferSameZone',
    ]),
    ...mustBeOneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']),
  ]
}

/** The cluster address, once given, stays as long as the Service has one. */
export function validateServiceUpdate({ spec }: Service, old: Stored<Service>): FieldError[] {
  if (spec === undefined || spec.type === 'ExternalName' || old.spec.type === 'ExternalName') return []
  const before = old.spec.clusterIP ?? ''
  const errors: FieldError[] = []
  if (before !== '' && spec.clusterIP !== before) {
    errors.push(invalidValue('spec.clusterIPs[0]', spec.clusterIPs ?? spec.clusterIP, 'may not change once set'))
  }
  if (
    old.spec.loadBalancerClass !== undefined &&
    spec.type === 'LoadBalancer' &&
    spec.loadBalancerClass !== old.spec.loadBalancerClass
  ) {
    errors.push(immutable('spec.loadBalancerClass', spec.loadBalancerClass))
  }
  if (before !== '' && !isDeepStrictEqual(spec.ipFamilies?.[0], old.spec.ipFamilies?.[0])) {
    errors.push(invalidValue('spec.ipFamilies[0]', spec.ipFamilies, 'primary ipFamily can not be changed'))
  }
  return errors
}

function validatePorts({ ports = [], type, clusterIP }: ServiceSpec): FieldError[] {
  const needsPorts = type !== 'ExternalName' && clusterIP !== 'None'
  if (ports.length === 0) return needsPorts ? [required('spec.ports')] : []
  return [
    ...mustBeUnique(
      ports.map(({ name }) => name),
      (index) => `spec.ports[${index}].name`,
    ),
    ...ports.flatMap((port, index) => validatePort(port, type, ports.length > 1, `spec.ports[${index}]`)),
    ...validateTwins(ports, ({ port, protocol }) => `${protocol}/${port}`, ''),
    ...validateTwins(
      ports,
      ({ nodePort, protocol }) => (nodePort ? `${protocol}/${nodePort}` : undefined),
      '.nodePort',
    ),
  ]
}

function validatePort(port: ServicePort, type: string | undefined, needsName: boolean, path: string): FieldError[] {
  const { name, nodePort, protocol, targetPort } = port
  const mayHaveNodePort = type === 'NodePort' || type === 'LoadBalancer'
  return [
    ...(name ? invalidIf(`${path}.name`, name, whyNotDnsLabel(name)) : needsName ? [required(`${path}.name`)] : []),
    ...mustBePort(`${path}.port`, port.port ?? 0),
    ...mustBeOneOf(`${path}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']),
    ...(targetPort === undefined ? [] : validateTargetPort(targetPort, `${path}.targetPort`)),
    ...(nodePort ? mustBePort(`${path}.nodePort`, nodePort) : []),
    ...(nodePort && !mayHaveNodePort
      ? [forbiddenField(`${path}.nodePort`, `may not be used when \`type\` is '${type}'`)]
      : []),
  ]
}

function validateTwins(
  ports: readonly ServicePort[],
  keyOf: (port: ServicePort) => string | undefined,
  field: string,
): FieldError[] {
  const seen = new Set<string>()
  return ports.flatMap((port, index) => {
    const key = keyOf(port)
    if (key === undefined) return []
    if (seen.has(key)) return [duplicate(`spec.ports[${index}]${field}`, { port: port.port, protocol: port.protocol })]
    seen.add(key)
    return []
  })
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): FieldError[] {
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds'
  return [
    ...mustBeOneOf('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None']),
    ...(sessionAffinity === 'ClientIP'
      ? mustBeBetween(field, sessionAffinityConfig?.clientIP?.timeoutSeconds, 1, secondsPerDay)
      : []),
  ]
}

function validateAddresses({ clusterIP, clusterIPs = [], externalIPs = [], type }: ServiceSpec): FieldError[] {
  const first = clusterIP || clusterIPs[0]
  const isHeadless = first === 'None'
  const addresses = clusterIPs.length > 0 ? clusterIPs : [first ?? '']
  const errors = addresses.flatMap((address, index) =>
    address === '' || (index === 0 && isHeadless) ? [] : mustBeAddress(`spec.clusterIPs[${index}]`, address),
  )
  if (isHeadless && (type === 'NodePort' || type === 'LoadBalancer')) {
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`))
  }
  if (clusterIP !== undefined && clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    errors.push(invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'))
  }
  if (type === 'ExternalName' && first) {
    errors.push(forbiddenField('spec.clusterIPs', "may not be set when `type` is 'ExternalName'"))
  }
  return [
    ...errors,
    ...externalIPs.flatMap((address, index) => mustBeMachineAddress(`spec.externalIPs[${index}]`, address)),
  ]
}

function validateExternalName({ type, externalName }: ServiceSpec): FieldError[] {
  if (type !== 'ExternalName') return []
  if (!externalName) return [required('spec.externalName')]
  return invalidIf('spec.externalName', externalName, whyNotDnsSubdomain(externalName.replace(/\.$/, '')))
}

function validateFamilies({ ipFamilies = [] }: ServiceSpec): FieldError[] {
  return [
    ...ipFamilies.flatMap((family, index) => mustBeOneOf(`spec.ipFamilies[${index}]`, family, ['IPv4', 'IPv6'])),
    ...mustBeUnique(ipFamilies, (index) => `spec.ipFamilies[${index}]`),
  ]
}

function validateSourceRanges({ type, loadBalancerSourceRanges = [] }: ServiceSpec): FieldError[] {
  if (loadBalancerSourceRanges.length > 0 && type !== 'LoadBalancer')
    return [forbiddenField('spec.loadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'")]
  return loadBalancerSourceRanges.flatMap((range, index) =>
    ipaddr.isValidCIDR(range.trim()) && !range.includes('%')
      ? []
      : [
          invalidValue(
            `spec.loadBalancerSourceRanges[${index}]`,
            range,
            'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
          ),
        ],
  )
}

/** Fields that only some types of Service have a use for. */
function validateBalancer(spec: ServiceSpec): FieldError[] {
  const { type, externalTrafficPolicy, healthCheckNodePort, loadBalancerClass, allocateLoadBalancerNodePorts } = spec
  const isBalanced = type === 'LoadBalancer'
  const only = "may only be used when `type` is 'LoadBalancer'"
  const isReached = type === 'NodePort' || isBalanced || (spec.externalIPs ?? []).length > 0
  return [
    ...(externalTrafficPolicy !== undefined && !isReached
      ? [
          invalidValue(
            'spec.externalTrafficPolicy',
            externalTrafficPolicy,
            'may only be set for externally-accessible services',
          ),
        ]
      : []),
    ...(healthCheckNodePort && !(isBalanced && externalTrafficPolicy === 'Local')
      ? [
          invalidValue(
            'spec.healthCheckNodePort',
            healthCheckNodePort,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
          ),
        ]
      : []),
    ...(loadBalancerClass !== undefined && !isBalanced ? [forbiddenField('spec.loadBalancerClass', only)] : []),
    ...(allocateLoadBalancerNodePorts !== undefined && !isBalanced
      ? [forbiddenField('spec.allocateLoadBalancerNodePorts', only)]
      : []),
  ]
}
