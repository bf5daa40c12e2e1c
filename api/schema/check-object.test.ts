import { expect, test } from 'vitest'
import { checkObject, malformed, notStrict } from './check-object.ts'
import { findDuplicateFields } from './duplicate-fields.ts'

const pod = 'io.k8s.api.core.v1.Pod'
const deployment = 'io.k8s.api.apps.v1.Deployment'
const podWith = (spec: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec })

test('a wrong type is named with its path, what was expected and what came', () => {
  const { errors } = checkObject(deployment, { spec: { replicas: 'three', template: { spec: { containers: {} } } } })
  expect(errors).toEqual([
    'spec.replicas: expected integer, got string "three"',
    'spec.template.spec.containers: expected array, got object',
  ])
  expect(malformed('Deployment', 'v1', errors.slice(0, 1)).message).toBe(
    'Deployment in version "v1" cannot be handled as a Deployment: spec.replicas: expected integer, got string "three"',
  )
})

test.each([
  [podWith({ containers: [{ name: 'a', resources: { limits: { cpu: '1.2.3' } } }] }), 'limits[cpu]: expected quantity'],
  [podWith({ activeDeadlineSeconds: 1.5 }), 'spec.activeDeadlineSeconds: expected integer, got number 1.5'],
  [podWith({ priority: 3_000_000_000 }), 'spec.priority: expected 32-bit integer'],
  [podWith({ containers: [null] }), 'spec.containers[0]: expected object, got null'],
  [podWith({ hostNetwork: 'true' }), 'spec.hostNetwork: expected boolean, got string "true"'],
  [{ metadata: { creationTimestamp: 'yesterday' } }, 'metadata.creationTimestamp: expected RFC 3339 time'],
  [{ metadata: { labels: { a: 1 } } }, 'metadata.labels[a]: expected string, got number 1'],
  ['text', '(root): expected object, got string "text"'],
])('%j is refused', (value, message) => {
  expect(checkObject(pod, value).errors.join()).toContain(message)
})

test('secret data must be base64', () => {
  const { errors } = checkObject('io.k8s.api.core.v1.Secret', { data: { a: 'YQ==', b: 'not base64' } })
  expect(errors).toEqual(['data[b]: expected base64 text, got string "not base64"'])
})

test('unknown fields are listed by path and dropped', () => {
  const value = podWith({ containers: [{ name: 'a', imag: 'x' }], foo: { bar: 1 } })
  const { unknown } = checkObject(pod, value)
  expect(unknown).toEqual(['spec.containers[0].imag', 'spec.foo'])
  expect(value.spec).toEqual({ containers: [{ name: 'a' }] })
  expect(notStrict('Pod', 'v1', unknown, ['spec.nodeName']).message).toContain(
    'strict decoding error: unknown field "spec.containers[0].imag", unknown field "spec.foo", duplicate field "spec.nodeName"',
  )
})

test('nulls are dropped, quantities and times become canonical', () => {
  const value = {
    metadata: { creationTimestamp: null, labels: { a: null }, deletionTimestamp: '2026-01-01T02:00:00.5+02:00' },
    spec: { containers: [{ name: 'a', resources: { requests: { cpu: 0.5, memory: '1024Mi' } } }] },
  }
  checkObject(pod, value)
  expect(value).toEqual({
    metadata: { labels: { a: '' }, deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: { containers: [{ name: 'a', resources: { requests: { cpu: '500m', memory: '1Gi' } } }] },
  })
})

test('ports may be names or numbers', () => {
  const ports = [
    { port: 80, targetPort: 'http' },
    { port: 81, targetPort: 8080 },
  ]
  expect(checkObject('io.k8s.api.core.v1.Service', { spec: { ports } }).errors).toEqual([])
})

test('duplicate fields are found at any depth, and equal values in lists are not fields', () => {
  const json = '{"a":{"b":1,"c":["x","x",{"d":1,"d":2}],"b":"a"},"a\\u0062":1,"ab":{},"e":"{\\"a\\":1,\\"a\\":2}"}'
  expect(findDuplicateFields(json)).toEqual(['a.c[2].d', 'a.b', 'ab'])
})

test('JSON that nests without end is a bad request, before anything recurses into it', () => {
  expect(() => findDuplicateFields('['.repeat(100_000) + ']'.repeat(100_000))).toThrow('nests deeper than 10000 levels')
})

test('a megabyte of secret is decoded, and one wrong character in it is found', () => {
  const secret = 'io.k8s.api.core.v1.Secret'
  const large = 'YWJj'.repeat(700_000)
  expect(checkObject(secret, { data: { a: large } }).errors).toEqual([])
  expect(checkObject(secret, { data: { a: `${large}=` } }).errors[0]).toMatch(/^data\[a\]: expected base64 text/)
})
