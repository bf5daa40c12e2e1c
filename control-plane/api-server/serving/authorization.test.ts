import { describe, expect, test } from 'vitest'
import type { Pod } from '../../../api/generated/types.ts'
import { toKey } from '../../../api/objects/object.ts'
import { StatusError } from '../../../api/objects/status-error.ts'
import { clusterRoleBindings } from '../../../api/resources/cluster-role-bindings.ts'
import { clusterRoles } from '../../../api/resources/cluster-roles.ts'
import { pods } from '../../../api/resources/pods.ts'
import type { Resource } from '../../../api/resources/resource.ts'
import { AuthorizerChain } from '../authorization/authorizer.ts'
import { defaultClusterRoleBindings, defaultClusterRoles } from '../authorization/default-roles.ts'
import { NodeAuthorizer } from '../authorization/node-authorizer.ts'
import { RbacAuthorizer } from '../authorization/rbac-authorizer.ts'
import { anonymous, type User } from '../exchange.ts'
import { WatchCache } from '../watch-cache.ts'
import { authorize, isOpen } from './authorization.ts'

const admin: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }
const node: User = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] }
const somebody: User = { name: 'jane', groups: ['system:authenticated'] }

const mine: Pod = {
  metadata: { name: 'mine', namespace: 'default', uid: '1' },
  spec: {
    nodeName: 'a',
    serviceAccountName: 'web',
    imagePullSecrets: [{ name: 'pull' }],
    volumes: [
      { name: 's', secret: { secretName: 's' } },
      { name: 'p', projected: { sources: [{ configMap: { name: 'projected' } }] } },
    ],
    containers: [
      {
        name: 'c',
        envFrom: [{ configMapRef: { name: 'settings' } }],
        env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } }],
      },
    ],
  },
}
const other: Pod = {
  metadata: { name: 'other', namespace: 'default', uid: '2' },
  spec: {
    nodeName: 'b',
    serviceAccountName: 'other',
    containers: [],
    volumes: [{ name: 'x', secret: { secretName: 'x' } }],
  },
}

const caches = makeCaches()
const authorizer = new AuthorizerChain([new NodeAuthorizer(caches), new RbacAuthorizer(caches)])

function makeCaches() {
  const caches = new Map<string, WatchCache>()
  const cacheOf = ({ plural }: Resource) => {
    const cache = caches.get(plural) ?? new WatchCache(plural)
    caches.set(plural, cache)
    return cache
  }
  const put = (resource: Resource, object: Pod) => {
    const { name = '', namespace } = object.metadata ?? {}
    const uid = object.metadata?.uid ?? name
    const value = JSON.stringify({ ...object, metadata: { ...object.metadata, uid } })
    cacheOf(resource).put(toKey({ name, namespace }), value, 1)
  }
  for (const role of defaultClusterRoles) put(clusterRoles, role)
  for (const binding of defaultClusterRoleBindings) put(clusterRoleBindings, binding)
  for (const pod of [mine, other]) put(pods, pod)
  return { cacheOf, put }
}

/** undefined: allowed; else why not. */
function ask(user: User, line: string): string | undefined {
  const [method = '', path = ''] = line.split(' ')
  const request = {
    method,
    url: new URL(path, 'https://api'),
    headers: {},
    body: new Uint8Array(),
    user,
    signal: AbortSignal.timeout(1000),
  }
  try {
    if (!isOpen(request)) authorize(request, authorizer)
    return undefined
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    expect([error.status.code, error.status.reason]).toEqual([403, 'Forbidden'])
    return error.message
  }
}

test('administrators may do everything', () => {
  expect(ask(admin, 'DELETE /api/v1/nodes')).toBeUndefined()
  expect(ask(admin, 'GET /metrics')).toBeUndefined()
})

test('anybody may ask for version and health, and for nothing else', () => {
  for (const path of ['/version', '/healthz', '/livez', '/readyz'])
    expect(ask(anonymous, `GET ${path}`)).toBeUndefined()
  for (const line of ['GET /api', 'POST /version', 'GET /versions', 'GET /openapi/v2', 'GET /', 'GET /readyz/store'])
    expect(ask(anonymous, line)).toMatch(/^forbidden: User "system:anonymous" cannot (get|post) path "/)
})

test('refusals are in the words of Kubernetes', () => {
  expect(ask(anonymous, 'GET /api/v1/namespaces/y/pods')).toBe(
    'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "y"',
  )
  expect(ask(somebody, 'GET /apis/apps/v1/deployments?watch=1')).toBe(
    'deployments.apps is forbidden: User "jane" cannot watch resource "deployments" in API group "apps" at the cluster scope',
  )
  expect(ask(somebody, 'POST /api/v1/namespaces/y/pods/x/exec?command=sh')).toBe(
    'pods "x" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "y"',
  )
  expect(ask(somebody, 'DELETE /api/v1/namespaces/y')).toBe(
    'namespaces "y" is forbidden: User "jane" cannot delete resource "namespaces" in API group "" in the namespace "y"',
  )
})

test('a user without rights may look at what kinds there are', () => {
  for (const path of ['/api', '/api/v1', '/apis', '/apis/apps/v1', '/openapi/v3/api/v1'])
    expect(ask(somebody, `GET ${path}`)).toBeUndefined()
})

test('bytes that are no UTF-8 do not make a request for an object one for a mere path', () => {
  for (const path of ['nodes/a/proxy/%ff', 'namespaces/y/pods/x:80/proxy/a%zz', 'namespaces/y/services/x/proxy/%'])
    expect(ask(somebody, `GET /api/v1/${path}`)).toMatch(/cannot get resource "(nodes|pods|services)\/proxy"/)
})

describe('an agent', () => {
  const allowed = [
    'GET /api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Da',
    'GET /api/v1/namespaces/default/secrets/s',
    'GET /api/v1/namespaces/default/secrets/pull',
    'GET /api/v1/namespaces/default/secrets?watch=1&fieldSelector=metadata.name%3Denv',
    'GET /api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dsettings',
    'GET /api/v1/namespaces/default/configmaps/projected',
    'POST /api/v1/namespaces/default/serviceaccounts/web/token',
    'GET /api/v1/services',
    'GET /apis/discovery.k8s.io/v1/endpointslices',
    'GET /api/v1/nodes',
    'PATCH /api/v1/nodes/a',
    'PATCH /api/v1/nodes/a/status',
    'PATCH /api/v1/namespaces/default/pods/mine/status',
    'DELETE /api/v1/namespaces/default/pods/mine',
    'PUT /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a',
    'POST /api/v1/namespaces/default/events',
  ]
  test.each(allowed)('may %s', (line) => {
    expect(ask(node, line)).toBeUndefined()
  })

  const refused = [
    'DELETE /api/v1/nodes/a',
    'GET /api/v1/namespaces/default/secrets/x',
    'GET /api/v1/namespaces/other/secrets/s',
    'GET /api/v1/namespaces/default/configmaps/s',
    'GET /api/v1/namespaces/default/secrets',
    'GET /api/v1/secrets?watch=1',
    'GET /api/v1/namespaces/default/secrets?fieldSelector=metadata.name!%3Ds',
    'GET /api/v1/namespaces/default/secrets?fieldSelector=metadata.namespace!%3Da%5C,metadata.name%3Ds',
    'PATCH /api/v1/namespaces/default/secrets/s',
    'GET /api/v1/namespaces/default/serviceaccounts/web',
    'POST /api/v1/namespaces/default/serviceaccounts/other/token',
    'DELETE /api/v1/namespaces/default/pods',
    'PATCH /api/v1/namespaces/default/pods/mine',
    'POST /api/v1/namespaces/default/pods',
    'POST /api/v1/namespaces/default/pods/mine/binding',
    'POST /api/v1/namespaces/default/pods/mine/exec',
    'PUT /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/b',
    'PUT /apis/coordination.k8s.io/v1/namespaces/default/leases/a',
    'POST /api/v1/namespaces/default/secrets',
    'PATCH /api/v1/namespaces/default/services/s',
    'GET /apis/apps/v1/deployments',
    'GET /api/v1/nodes/b/proxy/pods',
    'DELETE /api/v1/namespaces/default',
    'GET /metrics',
  ]
  test.each(refused)('may not %s', (line) => {
    expect(ask(node, line)).toMatch(/forbidden/)
  })

  test('reads what its pods need for as long as they are there', () => {
    const line = 'GET /api/v1/namespaces/default/secrets/later'
    const pod: Pod = {
      metadata: { name: 'late', namespace: 'default', uid: '3' },
      spec: { nodeName: 'a', containers: [], volumes: [{ name: 'v', secret: { secretName: 'later' } }] },
    }
    expect(ask(node, line)).toBe(
      'secrets "later" is forbidden: User "system:node:a" cannot get resource "secrets" in API group "" in the namespace "default": no relationship found between node \'a\' and this object',
    )
    caches.put(pods, { ...pod, spec: { containers: [], volumes: pod.spec?.volumes } })
    expect(ask(node, line)).toMatch(/forbidden/)
    caches.put(pods, pod)
    expect(ask(node, line)).toBeUndefined()
    caches.cacheOf(pods).remove('default/late', 9)
    expect(ask(node, line)).toMatch(/forbidden/)
  })

  test('needs both the name and the group of one', () => {
    const line = 'GET /api/v1/services'
    expect(ask({ ...node, groups: ['system:authenticated'] }, line)).toMatch(/forbidden/)
    expect(ask({ ...node, name: 'jane' }, line)).toMatch(/forbidden/)
  })
})
