import { expect, test } from 'vitest'
import type { Ingress, IngressClass } from '../generated/types.ts'
import { ingressClasses } from './ingress-classes.ts'
import { ingresses } from './ingresses.ts'
import { validateCreate, validateUpdate } from './validate-object.ts'

const backend = { service: { name: 'web', port: { number: 80 } } }
const make = (spec: Ingress['spec']): Ingress => ({
  metadata: { name: 'web', namespace: 'default' },
  ...(spec && { spec }),
})
const complaints = (spec: Ingress['spec']) =>
  validateCreate(ingresses, make(spec)).map(({ field, message }) => `${field}: ${message}`)
const path = (more: object) => ({ rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend, ...more }] } }] })

test.each<[string, NonNullable<Ingress['spec']>]>([
  ['a default backend alone', { defaultBackend: backend }],
  ['a wildcard host', { rules: [{ host: '*.example.com' }] }],
  ['a path of each type', path({ pathType: 'Exact', path: '/a/b' })],
  ['a path that only its controller understands', path({ pathType: 'ImplementationSpecific', path: '/a(.*)//b' })],
  ['a port by name', { defaultBackend: { service: { name: 'web', port: { name: 'http' } } } }],
  ['a resource', { defaultBackend: { resource: { kind: 'Bucket', name: 'files' } } }],
])('%s is taken', (_, spec) => {
  expect(complaints(spec)).toEqual([])
})

test.each<[string, Ingress['spec']]>([
  ['spec: Invalid value: "": either `defaultBackend` or `rules` must be specified', {}],
  [
    'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    { rules: [{ host: '10.0.0.1' }] },
  ],
  [
    'spec.rules[0].http.paths[0].pathType: Unsupported value: "Glob": supported values: "Exact", "ImplementationSpecific", "Prefix"',
    path({ pathType: 'Glob' }),
  ],
  ['spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path', path({ path: 'a' })],
  ['spec.rules[0].http.paths[0].path: Invalid value: "/a/../b": must not contain \'/../\'', path({ path: '/a/../b' })],
  ['spec.defaultBackend: Required value: resource or service backend is required', { defaultBackend: {} }],
  [
    'spec.defaultBackend: Forbidden: cannot set both resource and service backends',
    { defaultBackend: { ...backend, resource: { kind: 'Bucket', name: 'files' } } },
  ],
  [
    'spec.defaultBackend.service.port: Required value: port name or number is required',
    { defaultBackend: { service: { name: 'web' } } },
  ],
  [
    'spec.defaultBackend.service.port: Forbidden: cannot set both port name & port number',
    { defaultBackend: { service: { name: 'web', port: { name: 'http', number: 80 } } } },
  ],
])('%s', (complaint, spec) => {
  expect(complaints(spec)).toEqual([complaint])
})

const classOf = (spec: NonNullable<IngressClass['spec']>): IngressClass => {
  const made: IngressClass = { metadata: { name: 'edge' }, spec }
  ingressClasses.setDefaults?.(made)
  return made
}
const parameters = { kind: 'Config', name: 'edge' }

test.each<[string[], NonNullable<IngressClass['spec']>]>([
  [[], { controller: 'example.com/edge', parameters }],
  [['spec.controller: Required value'], {}],
  [
    ['spec.controller: Invalid value: "edge": must be a domain-prefixed path (such as "acme.io/foo")'],
    { controller: 'edge' },
  ],
  [
    ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    { controller: 'example.com/edge', parameters: { ...parameters, scope: 'Namespace' } },
  ],
])('a class is right but for %j', (expected, spec) => {
  const found = validateCreate(ingressClasses, classOf(spec)).map(({ field, message }) => `${field}: ${message}`)
  expect(found).toEqual(expected)
})

test('a class stays with its controller', () => {
  const old = classOf({ controller: 'example.com/edge' })
  const moved = classOf({ controller: 'example.com/other' })
  expect(validateUpdate(ingressClasses, moved, old as never).map(({ field }) => field)).toEqual(['spec.controller'])
})
