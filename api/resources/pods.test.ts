import { describe, expect, test } from 'vitest'
import type { Container, Pod, PodSpec } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { pods } from './pods.ts'
import { validateCreate, validateUpdate } from './validate-object.ts'

/** A pod with these fields, defaulted and admitted as the API server does it. */
function makePod(spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Stored<Pod> {
  const pod = {
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { containers: [{ name: 'app', image: 'nginx' }], ...structuredClone(spec) },
  }
  pods.setDefaults?.(pod)
  pods.prepareForCreate?.(pod)
  return pod
}
const complaints = (pod: Pod) => validateCreate(pods, pod).map(({ field, message }) => `${field}: ${message}`)
const withContainer = (container: Partial<Container>) => ({
  containers: [{ name: 'app', image: 'nginx', ...container }],
})

describe('defaults', () => {
  test('a short pod becomes a complete one', () => {
    const { spec, status, metadata } = makePod(
      withContainer({ ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } } }),
    )
    expect(spec).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      serviceAccountName: 'default',
      terminationGracePeriodSeconds: 30,
      priority: 0,
      enableServiceLinks: true,
    })
    expect(spec.containers[0]).toMatchObject({
      imagePullPolicy: 'Always',
      terminationMessagePath: '/dev/termination-log',
      ports: [{ containerPort: 80, protocol: 'TCP' }],
      livenessProbe: {
        httpGet: { path: '/', scheme: 'HTTP' },
        periodSeconds: 10,
        timeoutSeconds: 1,
        failureThreshold: 3,
      },
      resources: {},
    })
    expect(spec.tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds])).toEqual([
      ['node.kubernetes.io/not-ready', 300],
      ['node.kubernetes.io/unreachable', 300],
    ])
    expect(status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' })
    expect(metadata.generation).toBe(1)
  })

  test('defaulting twice changes nothing', () => {
    const once = makePod({ volumes: [{ name: 'a' }, { name: 'b', secret: { secretName: 's' } }] })
    const twice = structuredClone(once)
    pods.setDefaults?.(twice)
    expect(twice).toEqual(once)
    expect(once.spec.volumes).toEqual([
      { name: 'a', emptyDir: {} },
      { name: 'b', secret: { secretName: 's', defaultMode: 420 } },
    ])
  })

  test.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['localhost:5000/nginx', 'Always'],
    ['localhost:5000/nginx:1', 'IfNotPresent'],
    [`nginx@sha256:${'a'.repeat(64)}`, 'IfNotPresent'],
  ])('the image %s is pulled %s', (image, policy) => {
    expect(makePod(withContainer({ image })).spec.containers[0]?.imagePullPolicy).toBe(policy)
  })

  test('a limit is also the request, and equal ones make the pod guaranteed', () => {
    const { spec, status } = makePod(withContainer({ resources: { limits: { cpu: '1', memory: '1Gi' } } }))
    expect(spec.containers[0]?.resources?.requests).toEqual({ cpu: '1', memory: '1Gi' })
    expect(status?.qosClass).toBe('Guaranteed')
  })

  test('a request alone makes the pod burstable', () => {
    expect(makePod(withContainer({ resources: { requests: { cpu: '100m' } } })).status?.qosClass).toBe('Burstable')
  })
})

test('a pod that uses most features is fine', () => {
  const pod = makePod({
    hostname: 'web-0',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    initContainers: [
      { name: 'init', image: 'a' },
      { name: 'side', image: 'a', restartPolicy: 'Always', readinessProbe: { tcpSocket: { port: 'http' } } },
    ],
    containers: [
      {
        name: 'app',
        image: 'a',
        env: [
          { name: 'A', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
        envFrom: [{ configMapRef: { name: 'c' }, prefix: 'X_' }],
        volumeMounts: [{ name: 'all', mountPath: '/all', subPath: 'a/b' }],
        lifecycle: { preStop: { exec: { command: ['true'] } } },
      },
    ],
    volumes: [
      {
        name: 'all',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token' } },
            { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          ],
        },
      },
    ],
  })
  expect(complaints(pod)).toEqual([])
})

test('an agent reports addresses and nothing else as addresses', () => {
  const old = makePod()
  const report = (status: Pod['status']) =>
    pods.validateStatusUpdate?.({ ...old, status }, old, 'status').map(({ field }) => field)
  const ip = '10.0.0.1 }; flush ruleset'
  expect(report({ podIP: ip, podIPs: [{ ip: '10.0.0.1' }, { ip }], hostIP: ip, hostIPs: [{ ip }] })).toEqual([
    'status.podIP',
    'status.podIPs[1].ip',
    'status.hostIP',
    'status.hostIPs[0].ip',
  ])
  expect(report({ podIP: '', podIPs: [{ ip: 'fd00::1' }], hostIP: '10.0.0.1' })).toEqual([])
})

test.each<[string, Partial<PodSpec>]>([
  ['spec.containers: Required value', { containers: [] }],
  ['spec.containers[0].name: Required value', withContainer({ name: '' })],
  ['spec.containers[0].name: Invalid value: "App": a lowercase RFC 1123 label', withContainer({ name: 'App' })],
  ['spec.containers[0].image: Required value', withContainer({ image: '' })],
  ['spec.containers[0].name: Duplicate value: "app"', { initContainers: [{ name: 'app', image: 'a' }] }],
  [
    'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
    withContainer({ imagePullPolicy: 'Maybe' }),
  ],
  [
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    withContainer({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
  ],
  [
    'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource',
    withContainer({ resources: { requests: { gpu: '1' } } }),
  ],
  [
    'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    withContainer({ ports: [{ containerPort: 70_000 }] }),
  ],
  [
    'spec.containers[0].ports[0].hostIP: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    withContainer({ ports: [{ containerPort: 80, hostPort: 80, hostIP: 'here' }] }),
  ],
  [
    'spec.containers[0].ports[1].name: Duplicate value: "a"',
    withContainer({
      ports: [
        { name: 'a', containerPort: 1 },
        { name: 'a', containerPort: 2 },
      ],
    }),
  ],
  [
    'spec.containers[0].volumeMounts[0].name: Not found: "gone"',
    withContainer({ volumeMounts: [{ name: 'gone', mountPath: '/x' }] }),
  ],
  [
    'spec.containers[0].livenessProbe: Required value: must specify a handler type',
    withContainer({ livenessProbe: {} }),
  ],
  [
    'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    withContainer({ livenessProbe: { exec: { command: ['a'] }, successThreshold: 2 } }),
  ],
  ['spec.containers[0].env[0].name: Required value', withContainer({ env: [{ name: '' }] })],
  [
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.foo"',
    withContainer({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.foo' } } }] }),
  ],
  [
    'spec.containers[0].securityContext.allowPrivilegeEscalation: Invalid value: false',
    withContainer({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
  ],
  [
    'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers',
    { initContainers: [{ name: 'i', image: 'a', livenessProbe: { tcpSocket: { port: 1 } } }] },
  ],
  [
    'spec.ephemeralContainers[0].targetContainerName: Not found: "gone"',
    { ephemeralContainers: [{ name: 'e', image: 'a', targetContainerName: 'gone' }] },
  ],
  [
    'spec.ephemeralContainers[0].ports: Forbidden',
    { ephemeralContainers: [{ name: 'e', image: 'a', ports: [{ containerPort: 1 }] }] },
  ],
  ['spec.restartPolicy: Unsupported value: "Sometimes"', { restartPolicy: 'Sometimes' }],
  ['spec.dnsConfig.nameservers: Required value', { dnsPolicy: 'None' }],
  ['spec.volumes[1].name: Duplicate value: "a"', { volumes: [{ name: 'a' }, { name: 'a' }] }],
  [
    'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    { volumes: [{ name: 'a', emptyDir: {}, hostPath: { path: '/' } }] },
  ],
  [
    'spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain \'..\'',
    { volumes: [{ name: 'a', configMap: { name: 'c', items: [{ key: 'k', path: '../x' }] } }] },
  ],
  [
    'spec.volumes[0].secret.items[0].path: Invalid value: "..data/x": must not start with \'..\'',
    { volumes: [{ name: 'a', secret: { secretName: 's', items: [{ key: 'k', path: '..data/x' }] } }] },
  ],
  [
    'spec.volumes[0].projected.sources[0].serviceAccountToken.path: Invalid value: "../../../../etc/passwd": must not contain \'..\'',
    {
      volumes: [{ name: 'a', projected: { sources: [{ serviceAccountToken: { path: '../../../../etc/passwd' } }] } }],
    },
  ],
  [
    'spec.hostAliases[0].hostnames[0]: Invalid value: "a\\n10.0.0.1 b"',
    { hostAliases: [{ ip: '10.0.0.9', hostnames: ['a\n10.0.0.1 b'] }] },
  ],
  [
    'spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    { tolerations: [{ operator: 'Exists', tolerationSeconds: 1 }] },
  ],
  ['spec.nodeSelector: Invalid value: "a b"', { nodeSelector: { a: 'a b' } }],
  [
    'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    { activeDeadlineSeconds: 0 },
  ],
  [
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value',
    { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } },
  ],
  [
    'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    { securityContext: { runAsUser: -1 } },
  ],
])('%s', (expected, spec) => {
  const found = complaints(makePod(spec))
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(expected)
})

test.each([
  ['metadata.name: Invalid value: "Web_1": a lowercase RFC 1123 subdomain', { name: 'Web_1' }],
  ['metadata.name: Required value: name or generateName is required', { name: '' }],
  ['metadata.labels: Invalid value: "-x-": a valid label must be', { labels: { app: '-x-' } }],
  ['metadata.annotations: Invalid value: "a b": name part must consist', { annotations: { 'a b': '' } }],
  ['metadata.annotations: Too long: may not be more than 262144 bytes', { annotations: { a: 'x'.repeat(262_144) } }],
  [
    'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name',
    { finalizers: ['mine'] },
  ],
  [
    'metadata.ownerReferences[0].uid: Invalid value: "": must not be empty',
    { ownerReferences: [{ apiVersion: 'v1', kind: 'A', name: 'a', uid: '' }] },
  ],
])('%s', (expected, metadata) => {
  const found = complaints(makePod({}, metadata))
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(expected)
})

describe('updates', () => {
  const step = (change: (pod: Stored<Pod>) => void) => {
    const old = makePod({ activeDeadlineSeconds: 100 })
    const object = structuredClone(old)
    change(object)
    pods.prepareForUpdate?.(object, old)
    return { object, errors: validateUpdate(pods, object, old).map(({ field, message }) => `${field}: ${message}`) }
  }

  test('the image, tolerations and a shorter deadline may change, and the generation counts it', () => {
    const { object, errors } = step(({ spec }) => {
      spec.containers = spec.containers.map((container) => ({ ...container, image: 'nginx:2' }))
      spec.tolerations = [...(spec.tolerations ?? []), { key: 'extra', operator: 'Exists' }]
      spec.activeDeadlineSeconds = 50
    })
    expect(errors).toEqual([])
    expect(object.metadata.generation).toBe(2)
  })

  test('everything else of the spec is fixed, and the message says what was changed', () => {
    const { errors } = step(({ spec }) => {
      spec.nodeName = 'other'
    })
    expect(errors).toEqual([
      expect.stringMatching(/^spec: Forbidden: pod updates may not change fields other than .*spec\.nodeName$/),
    ])
  })

  test('containers cannot be added, nor tolerations taken away', () => {
    expect(step(({ spec }) => spec.containers.push({ name: 'b', image: 'b' })).errors.join()).toContain(
      'may not add or remove containers',
    )
    expect(
      step(({ spec }) => {
        spec.tolerations = []
      }).errors.join(),
    ).toContain('existing toleration can not be modified')
  })

  test('status goes by its own door, and the spec does not', () => {
    const old = makePod()
    const byMainDoor = { ...structuredClone(old), status: { phase: 'Running' } }
    pods.prepareForUpdate?.(byMainDoor, old)
    expect(byMainDoor.status).toEqual(old.status)
    const byStatusDoor = { ...structuredClone(old), status: { phase: 'Running' }, spec: { ...old.spec, nodeName: 'x' } }
    byStatusDoor.metadata.labels = { sneaked: 'in' }
    pods.prepareForStatusUpdate?.(byStatusDoor, old)
    expect(byStatusDoor).toEqual({ ...old, status: { phase: 'Running' } })
  })
})
