import { describe, expect, test } from 'vitest'
import type { ConfigMap, Deployment, EndpointSlice, Namespace, Node, Secret, Service } from '../generated/types.ts'
import type { ApiObject, Stored } from '../objects/object.ts'
import { definitionNamed } from '../schema/schemas.ts'
import { configMaps } from './config-maps.ts'
import { deployments } from './deployments.ts'
import { endpointSlices } from './endpoint-slices.ts'
import { events } from './events.ts'
import { ingresses } from './ingresses.ts'
import { namespaces } from './namespaces.ts'
import { nodes } from './nodes.ts'
import type { Resource } from './resource.ts'
import { secrets } from './secrets.ts'
import { services } from './services.ts'
import { resources } from './table.ts'
import { validateCreate, validateUpdate } from './validate-object.ts'

const nowMs = Date.parse('2026-01-01T01:00:00Z')
const meta = {
  name: 'web',
  namespace: 'default',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
}

function make<T extends ApiObject>(resource: Resource<T>, object: T): T {
  const made = structuredClone(object)
  const { namespace: _, ...clusterMeta } = meta
  made.metadata = { ...(resource.namespaced ? meta : clusterMeta), ...made.metadata }
  resource.setDefaults?.(made)
  resource.prepareForCreate?.(made)
  return made
}
const listed = (errors: { field: string; message: string }[]) =>
  errors.map(({ field, message }) => `${field}: ${message}`)
const complaints = <T extends ApiObject>(resource: Resource<T>, object: T) =>
  listed(validateCreate(resource, make(resource, object)))
const row = <T extends ApiObject>(resource: Resource<T>, object: Stored<T>) =>
  Object.fromEntries(resource.columns.map((column) => [column.name, column.cell(object, nowMs)]))

test('every row has a definition, a name or message to show, and stands once in the table', () => {
  expect(resources.map(({ definition }) => definitionNamed(definition).type)).toEqual(resources.map(() => 'object'))
  expect(resources.filter(({ columns }) => columns.length < 2)).toEqual([])
  expect(new Set(resources.map(({ group, plural }) => `${group}/${plural}`)).size).toBe(resources.length)
})

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'i' }] } }
const deployment = (spec: object = {}): Deployment => ({
  spec: { selector: { matchLabels: { app: 'web' } }, template, ...spec },
})

describe('deployments', () => {
  test('a short one is completed', () => {
    expect(make(deployments, deployment()).spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    })
    expect(complaints(deployments, deployment())).toEqual([])
  })

  test.each<[string, object]>([
    ['spec.selector: Required value', { selector: undefined }],
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment', { selector: {} }],
    [
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
      { selector: { matchLabels: { app: 'db' } } },
    ],
    ['spec.template: Required value', { template: undefined }],
    [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
    ],
    [
      'spec.template.spec.containers[0].image: Required value',
      { template: { ...template, spec: { containers: [{ name: 'a' }] } } },
    ],
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0', { replicas: -1 }],
    [
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
      { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } },
    ],
    [
      'spec.strategy.rollingUpdate.maxSurge: Invalid value: "x": a valid percent string',
      { strategy: { rollingUpdate: { maxSurge: 'x' } } },
    ],
    [
      'spec.strategy.rollingUpdate: Forbidden: may not be specified',
      { strategy: { type: 'Recreate', rollingUpdate: {} } },
    ],
    [
      'spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds',
      { progressDeadlineSeconds: 5, minReadySeconds: 5 },
    ],
  ])('%s', (expected, spec) => {
    const found = complaints(deployments, deployment(spec))
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(expected)
  })

  test('the selector is immutable', () => {
    const old = make(deployments, deployment()) as Stored<Deployment>
    const labels = { app: 'web', tier: 'a' }
    const object = make(
      deployments,
      deployment({ selector: { matchLabels: labels }, template: { ...template, metadata: { labels } } }),
    )
    expect(listed(validateUpdate(deployments, object, old))).toEqual([
      expect.stringContaining(
        'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"a"}}: field is immutable',
      ),
    ])
  })

  test('only a change of the spec raises the generation', () => {
    const old = { ...make(deployments, deployment()), status: { replicas: 1 } } as Stored<Deployment>
    const relabelled = { ...structuredClone(old), metadata: { ...old.metadata, labels: { a: 'b' } } }
    deployments.prepareForUpdate?.(relabelled, old)
    expect(relabelled.metadata.generation).toBe(1)
    const scaled = { ...structuredClone(old), spec: { ...old.spec, replicas: 3 }, status: {} }
    deployments.prepareForUpdate?.(scaled, old)
    expect([scaled.metadata.generation, scaled.status]).toEqual([2, { replicas: 1 }])
  })

  test('columns are those of kubectl', () => {
    const object = {
      ...make(deployments, deployment({ replicas: 3 })),
      status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
    }
    expect(row(deployments, object as Stored<Deployment>)).toEqual({
      Name: 'web',
      Ready: '2/3',
      'Up-to-date': 3,
      Available: 1,
      Age: meta.creationTimestamp,
      Containers: 'a',
      Images: 'i',
      Selector: 'app=web',
    })
  })
})

describe('services', () => {
  const ports = [{ port: 80 }]

  test('a port leads to the same port over TCP', () => {
    expect(make(services, { spec: { ports } }).spec).toMatchObject({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    })
  })

  test.each<[string, Service['spec']]>([
    ['spec.ports: Required value', {}],
    [
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      { ports: [{ port: 0, targetPort: 1 }] },
    ],
    ['spec.ports[0].name: Required value', { ports: [{ port: 1 }, { name: 'b', port: 2 }] }],
    [
      'spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}',
      {
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 1 },
        ],
      },
    ],
    [
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
      { ports: [{ port: 1, nodePort: 30_000 }] },
    ],
    [
      'spec.ports[0].targetPort: Invalid value: "a--b": must not contain consecutive hyphens',
      { ports: [{ port: 1, targetPort: 'a--b' }] },
    ],
    ['spec.type: Unsupported value: "Cloud"', { type: 'Cloud', ports }],
    ['spec.clusterIPs[0]: Invalid value: "10.96": must be a valid IP address', { clusterIP: '10.96', ports }],
    ['spec.externalName: Required value', { type: 'ExternalName' }],
  ])('%s', (expected, spec) => {
    const found = complaints(services, { spec: spec ?? {} })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(expected)
  })

  test('an update that leaves the address out keeps it, one that changes it is refused', () => {
    const old = make(services, { spec: { clusterIP: '10.96.0.9', ports } }) as Stored<Service>
    const silent = make(services, { spec: { ports } })
    services.prepareForUpdate?.(silent, old)
    expect(silent.spec?.clusterIP).toBe('10.96.0.9')
    expect(validateUpdate(services, silent, old)).toEqual([])
    const other = make(services, { spec: { clusterIP: '10.96.0.10', ports } })
    expect(listed(validateUpdate(services, other, old))).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["10.96.0.10"]: may not change once set',
    ])
  })

  test('columns are those of kubectl', () => {
    const object = make(services, {
      spec: {
        type: 'NodePort',
        clusterIP: '10.96.0.9',
        ports: [{ port: 80, nodePort: 30_080 }],
        selector: { b: '2', a: '1' },
      },
    })
    expect(row(services, object as Stored<Service>)).toMatchObject({
      Type: 'NodePort',
      'Cluster-IP': '10.96.0.9',
      'External-IP': '<none>',
      'Port(s)': '80:30080/TCP',
      Selector: 'a=1,b=2',
    })
  })
})

describe('secrets and config maps', () => {
  test('stringData ends as base64 in data', () => {
    const secret = make(secrets, { data: { a: 'eA==' }, stringData: { b: 'y' } })
    expect(secret).toMatchObject({ type: 'Opaque', data: { a: 'eA==', b: 'eQ==' } })
    expect(secret).not.toHaveProperty('stringData')
  })

  test('keys must be fit for files, and a typed secret must have its keys', () => {
    expect(complaints(configMaps, { data: { 'a/b': '' } })[0]).toContain(
      'data[a/b]: Invalid value: "a/b": a valid config key',
    )
    expect(complaints(secrets, { type: 'kubernetes.io/tls', data: {} })).toEqual([
      'data[tls.crt]: Required value',
      'data[tls.key]: Required value',
    ])
    expect(complaints(configMaps, { data: { a: 'x'.repeat(1024 * 1024 + 1) } })).toEqual([
      'data: Too long: may not be more than 1048576 bytes',
    ])
  })

  test('immutable data stays, and so do types of secrets', () => {
    const old = make(configMaps, { immutable: true, data: { a: '1' } }) as Stored<ConfigMap>
    const why = 'Forbidden: field is immutable when `immutable` is set'
    expect(listed(validateUpdate(configMaps, make(configMaps, { immutable: true, data: { a: '2' } }), old))).toEqual([
      `data: ${why}`,
    ])
    expect(listed(validateUpdate(configMaps, make(configMaps, { data: { a: '1' } }), old))).toEqual([
      `immutable: ${why}`,
    ])
    const oldSecret = make(secrets, {}) as Stored<Secret>
    expect(listed(validateUpdate(secrets, make(secrets, { type: 'x/y' }), oldSecret))).toEqual([
      'type: Invalid value: "x/y": field is immutable',
    ])
  })
})

test('a namespace is active, labelled with its name and finalized by us', () => {
  expect(make(namespaces, {} as Namespace)).toMatchObject({
    metadata: { labels: { 'kubernetes.io/metadata.name': 'web' } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  })
  expect(complaints(namespaces, { metadata: { name: 'a.b' } })[0]).toContain('a lowercase RFC 1123 label')
})

test('a node shows roles, readiness and whether it takes pods', () => {
  const node = make(nodes, {
    metadata: { labels: { 'node-role.kubernetes.io/worker': '' } },
    spec: { unschedulable: true, podCIDR: '10.244.1.0/24' },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    },
  } satisfies Node) as Stored<Node>
  expect(row(nodes, node)).toMatchObject({
    Status: 'Ready,SchedulingDisabled',
    Roles: 'worker',
    'Internal-IP': '10.0.0.1',
    'External-IP': '<none>',
  })
  expect(node.spec).toHaveProperty('podCIDRs', ['10.244.1.0/24'])
  const moved = { ...structuredClone(node), spec: { podCIDRs: ['10.244.2.0/24'] } }
  expect(listed(validateUpdate(nodes, moved, node))[0]).toContain('spec.podCIDRs: Forbidden')
})

test('an endpoint slice takes addresses of its family only, and not the loopback', () => {
  const slice = (...addresses: string[]): EndpointSlice => ({ addressType: 'IPv4', endpoints: [{ addresses }] })
  expect(complaints(endpointSlices, slice('10.244.0.2'))).toEqual([])
  expect(complaints(endpointSlices, slice('::2'))).toEqual([
    'endpoints[0].addresses[0]: Invalid value: "::2": must be a valid IPv4 address',
  ])
  expect(complaints(endpointSlices, slice('127.0.0.1'))[0]).toContain('may not be in the loopback range')
  const six = (address: string): EndpointSlice => ({ addressType: 'IPv6', endpoints: [{ addresses: [address] }] })
  expect(complaints(endpointSlices, six('fd00::2'))).toEqual([])
  expect(complaints(endpointSlices, six('0:0::1'))[0]).toContain('may not be in the loopback range')
  expect(complaints(endpointSlices, six('fd00::2%eth0'))).toEqual([
    'endpoints[0].addresses[0]: Invalid value: "fd00::2%eth0": must be a valid IPv6 address',
  ])
})

test.each([
  [
    { externalIPs: ['198.51.100.1', '127.0.0.1'] },
    'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the',
  ],
  [{ externalIPs: ['fd00::2%eth0'] }, 'spec.externalIPs[0]: Invalid value: "fd00::2%eth0": must be a valid IP address'],
  [
    { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5', 'fd00::5%a'] },
    'spec.clusterIPs[1]: Invalid value: "fd00::5%a"',
  ],
  [
    { type: 'LoadBalancer', loadBalancerSourceRanges: ['fd00::%a/64'] },
    'spec.loadBalancerSourceRanges[0]: Invalid value: "fd00::%a/64": must be a valid CIDR',
  ],
])('a Service has no address that is of each host alone: %j', (spec, expected) => {
  expect(complaints(services, { spec: { ...spec, ports: [{ port: 80 }] } })).toEqual([
    expect.stringContaining(expected),
  ])
})

test.each([services, ingresses] as Resource[])('what a balancer says are addresses and names: $kind', (resource) => {
  const complain = (ingress: object) => {
    const object = { ...make(resource, {}), status: { loadBalancer: { ingress: [ingress] } } }
    return listed(resource.validateStatusUpdate?.(object, object as Stored<ApiObject>, 'status') ?? [])
  }
  expect(complain({ ip: 'fd00::2', hostname: 'a.example.com' })).toEqual([])
  expect(complain({ ip: 'fd00::2%eth0' })).toEqual([
    expect.stringContaining(
      'status.loadBalancer.ingress[0].ip: Invalid value: "fd00::2%eth0": must be a valid IP address',
    ),
  ])
  expect(complain({ hostname: '192.0.2.1' })).toEqual([expect.stringContaining('must be a DNS name')])
})

test('an event lives in the namespace of what it is about, and shows when it was seen last', () => {
  const event = {
    metadata: {},
    involvedObject: { kind: 'Pod', name: 'web', namespace: 'default' },
    type: 'Normal',
    reason: 'Started',
    lastTimestamp: '2026-01-01T00:59:00Z',
    message: 'Started it\n',
  }
  const made = make(events, event)
  expect(validateCreate(events, made)).toEqual([])
  expect(row(events, { ...made, metadata: meta })).toMatchObject({
    'Last Seen': '60s',
    Object: 'pod/web',
    Message: 'Started it',
    Count: 1,
  })
  const elsewhere = { ...event, involvedObject: { namespace: 'other' } }
  expect(complaints(events, elsewhere)).toEqual([
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ])
})
