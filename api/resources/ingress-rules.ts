// Rules for Ingresses and their classes. https://kubernetes.io/docs/concepts/services-networking/ingress/

import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressRule,
  IngressServiceBackend,
} from '../generated/types.ts'
import { forbiddenField, immutable, invalidIf, invalidValue, required } from '../objects/field-errors.ts'
import {
  whyNotDns1035Label,
  whyNotDnsSubdomain,
  whyNotPathSegment,
  whyNotPortName,
  whyNotQualifiedName,
} from '../objects/names.ts'
import type { FieldError } from '../objects/status-error.ts'
import { mustBeOneOf, mustBePort, mustBeSet } from './rules.ts'

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix']
/** What would make a path mean something else to a proxy than to its reader. */
const forbiddenInPath = ['//', '/./', '/../', '%2f', '%2F']
const longestController = 250

/** All that is wrong with an Ingress but its status. */
export function validateIngress({ spec = {} }: Ingress): FieldError[] {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec
  const empty = rules.length === 0 && defaultBackend === undefined
  return [
    ...(empty ? [invalidValue('spec', '', 'either `defaultBackend` or `rules` must be specified')] : []),
    ...invalidIf('spec.ingressClassName', ingressClassName, ingressClassName && whyNotDnsSubdomain(ingressClassName)),
    ...(defaultBackend === undefined ? [] : validateBackend(defaultBackend, 'spec.defaultBackend')),
    ...rules.flatMap((rule, index) => validateRule(rule, `spec.rules[${index}]`)),
    ...tls.flatMap(({ hosts = [] }, index) =>
      hosts.flatMap((host, each) => validateHost(host, `spec.tls[${index}].hosts[${each}]`)),
    ),
  ]
}

function validateRule({ host, http }: IngressRule, path: string): FieldError[] {
  return [
    ...(host ? validateHost(host, `${path}.host`) : []),
    ...(http?.paths?.length === 0 ? [required(`${path}.http.paths`)] : []),
    ...(http?.paths ?? []).flatMap((each, index) => validatePath(each, `${path}.http.paths[${index}]`)),
  ]
}

function validateHost(host: string, field: string): FieldError[] {
  if (isIP(host) > 0) return [invalidValue(field, host, 'must be a DNS name, not an IP address')]
  // A wildcard stands for the first label alone.
  return invalidIf(field, host, whyNotDnsSubdomain(host.startsWith('*.') ? host.slice(2) : host))
}

function validatePath({ path, pathType, backend }: HTTPIngressPath, field: string): FieldError[] {
  const errors = [
    ...mustBeSet(`${field}.pathType`, pathType, 'pathType must be specified'),
    ...mustBeOneOf(`${field}.pathType`, pathType, pathTypes),
    ...validateBackend(backend, `${field}.backend`),
  ]
  if (pathType === 'ImplementationSpecific') {
    const isRelative = path !== undefined && path !== '' && !path.startsWith('/')
    return isRelative ? [...errors, invalidValue(`${field}.path`, path, 'must be an absolute path')] : errors
  }
  if (path === undefined || !path.startsWith('/'))
    return [...errors, invalidValue(`${field}.path`, path ?? '', 'must be an absolute path')]
  const found = forbiddenInPath.filter((text) => path.includes(text))
  const ends = ['/..', '/.'].filter((text) => path.endsWith(text))
  return [
    ...errors,
    ...found.map((text) => invalidValue(`${field}.path`, path, `must not contain '${text}'`)),
    ...ends.map((text) => invalidValue(`${field}.path`, path, `cannot end with '${text}'`)),
  ]
}

function validateBackend(backend: IngressBackend | undefined, path: string): FieldError[] {
  const { service, resource } = backend ?? {}
  if (service !== undefined && resource !== undefined)
    return [forbiddenField(path, 'cannot set both resource and service backends')]
  if (service === undefined && resource === undefined)
    return [required(path, 'resource or service backend is required')]
  return service === undefined ? [] : validateService(service, `${path}.service`)
}

function validateService({ name, port = {} }: IngressServiceBackend, path: string): FieldError[] {
  const hasName = port.name !== undefined && port.name !== ''
  const hasNumber = port.number !== undefined && port.number !== 0
  if (hasName && hasNumber) return [forbiddenField(`${path}.port`, 'cannot set both port name & port number')]
  return [
    ...(name === undefined || name === ''
      ? [required(`${path}.name`)]
      : invalidIf(`${path}.name`, name, whyNotDns1035Label(name))),
    ...(hasName ? invalidIf(`${path}.port.name`, port.name, whyNotPortName(port.name ?? '')) : []),
    ...(hasNumber ? mustBePort(`${path}.port.number`, port.number) : []),
    ...(hasName || hasNumber ? [] : [required(`${path}.port`, 'port name or number is required')]),
  ]
}

/** All that is wrong with an IngressClass. */
export function validateIngressClass({ spec = {} }: IngressClass): FieldError[] {
  const { controller = '', parameters } = spec
  if (controller === '') return [required('spec.controller')]
  const tooLong = controller.length > longestController
  const errors = [
    ...(tooLong ? [invalidValue('spec.controller', controller, `must be at most ${longestController} bytes`)] : []),
    ...(controller.includes('/')
      ? invalidIf('spec.controller', controller, whyNotQualifiedName(controller.split('/').slice(0, 2).join('/')))
      : [invalidValue('spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")')]),
  ]
  if (parameters === undefined) return errors
  const { name, namespace, kind, scope } = parameters
  return [
    ...errors,
    ...mustBeSet('spec.parameters.kind', kind, 'kind is required'),
    ...mustBeSet('spec.parameters.name', name, 'name is required'),
    ...invalidIf('spec.parameters.name', name, name && whyNotPathSegment(name)),
    ...mustBeOneOf('spec.parameters.scope', scope, ['Cluster', 'Namespace']),
    ...(scope === 'Namespace' && namespace === undefined
      ? [required('spec.parameters.namespace', "`parameters.scope` is set to 'Namespace'")]
      : []),
    ...(scope === 'Cluster' && namespace !== undefined
      ? [forbiddenField('spec.parameters.namespace', "`parameters.scope` is set to 'Cluster'")]
      : []),
  ]
}

/** A class stays with its controller. */
export function validateIngressClassUpdate(ingressClass: IngressClass, old: IngressClass): FieldError[] {
  const [now, before] = [ingressClass.spec?.controller, old.spec?.controller]
  return isDeepStrictEqual(now, before) ? [] : [immutable('spec.controller', now)]
}
