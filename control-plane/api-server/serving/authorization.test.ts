import { describe, expect, test } from 'vitest'
import { StatusError } from '../../../api/objects/status-error.ts'
import { anonymous, type User } from '../exchange.ts'
import { authorize } from './authorization.ts'

const admin: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }
const node: User = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] }
const somebody: User = { name: 'jane', groups: ['system:authenticated'] }

/** Pods that are bound to node a. */
const bound = new Set(['default/mine'])

/** undefined: allowed; else why not. */
async function ask(user: User, line: string, body: unknown = {}): Promise<string | undefined> {
  const [method = '', path = ''] = line.split(' ')
  const request = {
    method,
    url: new URL(path, 'https://api'),
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
    user,
    signal: AbortSignal.timeout(1000),
  }
  const nodeOfPod = async (namespace: string, pod: string) => (bound.has(`${namespace}/${pod}`) ? 'a' : 'b')
  try {
    await authorize(request, { nodeOfPod })
    return undefined
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    expect([error.status.code, error.status.reason]).toEqual([403, 'Forbidden'])
    return error.message
  }
}

test('administrators may do everything', async () => {
  expect(await ask(admin, 'DELETE /api/v1/nodes')).toBeUndefined()
  expect(await ask(admin, 'GET /metrics')).toBeUndefined()
})

test('anybody may ask for version and health, and for nothing else', async () => {
  for (const path of ['/version', '/healthz', '/livez', '/readyz', '/readyz/store'])
    expect(await ask(anonymous, `GET ${path}`)).toBeUndefined()
  for (const line of ['GET /api', 'POST /version', 'GET /versions', 'GET /openapi/v2', 'GET /'])
    expect(await ask(anonymous, line)).toMatch(/^forbidden: User "system:anonymous" cannot (get|post) path "/)
})

test('refusals are in the words of Kubernetes', async () => {
  expect(await ask(anonymous, 'GET /api/v1/namespaces/y/pods')).toBe(
    'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "y"',
  )
  expect(await ask(somebody, 'GET /apis/apps/v1/deployments?watch=1')).toBe(
    'deployments.apps is forbidden: User "jane" cannot watch resource "deployments" in API group "apps" at the cluster scope',
  )
  expect(await ask(somebody, 'POST /api/v1/namespaces/y/pods/x/exec?command=sh')).toBe(
    'pods "x" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "y"',
  )
  expect(await ask(somebody, 'DELETE /api/v1/namespaces/y')).toBe(
    'namespaces "y" is forbidden: User "jane" cannot delete resource "namespaces" in API group "" in the namespace "y"',
  )
})

test('a user without rights may look at what kinds there are', async () => {
  for (const path of ['/api', '/api/v1', '/apis', '/apis/apps/v1', '/openapi/v3/api/v1'])
    expect(await ask(somebody, `GET ${path}`)).toBeUndefined()
})

describe('an agent', () => {
  const allowed = [
    'GET /api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Da',
    'GET /api/v1/namespaces/default/secrets/s',
    'GET /api/v1/namespaces/default/configmaps',
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
  test.each(allowed)('may %s', async (line) => {
    expect(await ask(node, line)).toBeUndefined()
  })

  const refused = [
    'PATCH /api/v1/nodes/b/status',
    'DELETE /api/v1/nodes/a',
    'PATCH /api/v1/namespaces/default/pods/other/status',
    'DELETE /api/v1/namespaces/default/pods/other',
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
  test.each(refused)('may not %s', async (line) => {
    expect(await ask(node, line)).toMatch(/forbidden/)
  })

  test('creates its own node and lease alone', async () => {
    const leases = 'POST /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
    for (const line of ['POST /api/v1/nodes', leases]) {
      expect(await ask(node, line, { metadata: { name: 'a' } })).toBeUndefined()
      expect(await ask(node, line, { metadata: { name: 'b' } })).toMatch(/forbidden/)
      expect(await ask(node, line, null)).toMatch(/forbidden/)
    }
  })

  test('needs both the name and the group of one', async () => {
    const line = 'GET /api/v1/services'
    expect(await ask({ ...node, groups: ['system:authenticated'] }, line)).toMatch(/forbidden/)
    expect(await ask({ ...node, name: 'jane' }, line)).toMatch(/forbidden/)
  })
})
