import { expect, test } from 'vitest'
import type { Container as ContainerTemplate, Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { ObjectSource } from '../volumes/objects.ts'
import { expand, makeEnvironment } from './environment.ts'
import { serviceEnvironment } from './service-environment.ts'
import { makePod, makeTemplate } from './test-pods.ts'

const meta = (name: string) => ({ name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' })

const objects: ObjectSource = {
  configMap: async (_, name) =>
    name === 'settings' ? { metadata: meta(name), data: { colour: 'red', size: 'big' } } : undefined,
  secret: async (_, name) =>
    name === 'login'
      ? { metadata: meta(name), data: { password: Buffer.from('s3cret').toString('base64') } }
      : undefined,
  serviceAccountToken: async () => ({ token: '', expiresAtMs: 0 }),
}

async function environment(more: Partial<ContainerTemplate>, services = new Map<string, string>()) {
  const template = makeTemplate('app', more)
  const pod = makePod({ containers: [template], nodeName: 'node-1' })
  const facts = { podIps: ['10.244.0.2'], hostIps: ['192.0.2.1', 'fd00::1'], allocatable: { cpu: '2', memory: '1Gi' } }
  return Object.fromEntries(await makeEnvironment({ pod, template, objects, facts, services }))
}

test.each([
  ['$(A) and $(B)', 'one and $(B)'],
  ['$$(A) costs $5', '$(A) costs $5'],
  ['$$$(A)', '$one'],
  ['$(A', '$(A'],
])('%s expands to %s', (text, expected) => {
  expect(expand(text, (name) => (name === 'A' ? 'one' : undefined))).toBe(expected)
})

test('a variable sees those before it and the services, not those after it', async () => {
  const env = [
    { name: 'A', value: '$(B)' },
    { name: 'B', value: 'b' },
    { name: 'C', value: '$(B) $(WEB_PORT)' },
  ]
  expect(await environment({ env }, new Map([['WEB_PORT', '80']]))).toEqual({
    A: '$(B)',
    B: 'b',
    C: 'b 80',
    WEB_PORT: '80',
  })
})

test('whole objects come first, single values win over them', async () => {
  const envFrom = [{ configMapRef: { name: 'settings' }, prefix: 'S_' }, { secretRef: { name: 'login' } }]
  const env = [{ name: 'S_size', value: 'small' }]
  expect(await environment({ envFrom, env })).toEqual({ S_colour: 'red', S_size: 'small', password: 's3cret' })
})

test('fields of the pod and amounts of the container become text', async () => {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
  const amount = (name: string, resource: string, divisor?: string) => ({
    name,
    valueFrom: { resourceFieldRef: { resource, divisor } },
  })
  const env = [
    field('NAME', 'metadata.name'),
    field('IP', 'status.podIP'),
    field('NODE', 'spec.nodeName'),
    amount('CPU', 'limits.cpu', '1m'),
    amount('MEMORY', 'limits.memory', '1Mi'),
    amount('REQUEST', 'requests.cpu'),
  ]
  const resources = { limits: { cpu: '250m' }, requests: { cpu: '250m' } }
  expect(await environment({ env, resources })).toEqual({
    NAME: 'web',
    IP: '10.244.0.2',
    NODE: 'node-1',
    CPU: '250',
    MEMORY: '1024',
    REQUEST: '1',
  })
})

test('a missing object or key is refused, unless it is optional', async () => {
  const secret = (name: string, key: string, optional = false) => [
    { name: 'X', valueFrom: { secretKeyRef: { name, key, optional } } },
  ]
  await expect(environment({ env: secret('none', 'password') })).rejects.toThrow('secret "none" not found')
  await expect(environment({ env: secret('login', 'user') })).rejects.toThrow(
    "couldn't find key user in Secret default/login",
  )
  expect(await environment({ env: secret('login', 'user', true) })).toEqual({})
})

test('services of the namespace are linked as Docker once did, headless ones not', () => {
  const service = (name: string, namespace: string, clusterIP: string): Stored<Service> => ({
    metadata: { ...meta(name), namespace },
    spec: { clusterIP, ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  })
  const all = [
    service('my-web', 'default', '10.96.0.7'),
    service('other', 'elsewhere', '10.96.0.8'),
    service('headless', 'default', 'None'),
    service('kubernetes', 'default', '10.96.0.1'),
  ]
  expect(Object.fromEntries(serviceEnvironment(makePod(), all.slice(0, 3)))).toEqual({
    MY_WEB_SERVICE_HOST: '10.96.0.7',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_PORT: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.96.0.7',
  })
  const unlinked = serviceEnvironment(makePod({ enableServiceLinks: false }), all)
  expect(unlinked.get('KUBERNETES_SERVICE_HOST')).toBe('10.96.0.1')
  expect(unlinked.has('MY_WEB_SERVICE_HOST')).toBe(false)
})

test('of a node with two families both addresses are told', async () => {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
  const env = [field('IP', 'status.hostIP'), field('IPS', 'status.hostIPs')]
  expect(await environment({ env })).toEqual({ IP: '192.0.2.1', IPS: '192.0.2.1,fd00::1' })
})
