import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HttpClient } from '../../../api/client/http-client.ts'
import type { PolicyRule, SelfSubjectRulesReview, SubjectAccessReview } from '../../../api/generated/types.ts'
import { isForbidden, isInvalid, isNotFound } from '../../../api/objects/status-error.ts'
import { clusterRoleBindings } from '../../../api/resources/cluster-role-bindings.ts'
import { clusterRoles } from '../../../api/resources/cluster-roles.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { deployments } from '../../../api/resources/deployments.ts'
import { pods } from '../../../api/resources/pods.ts'
import { roleBindings } from '../../../api/resources/role-bindings.ts'
import { roles } from '../../../api/resources/roles.ts'
import { secrets } from '../../../api/resources/secrets.ts'
import { services } from '../../../api/resources/services.ts'
import type { User } from '../../../control-plane/api-server/exchange.ts'
import { runControllers } from '../../../control-plane/controllers/manager.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

const namespace = 'default'
const jane: User = { name: 'jane', groups: ['system:authenticated'] }
const account: User = {
  name: 'system:serviceaccount:default:web',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
}
const readPods: PolicyRule = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }
let api: TestApiServer

beforeEach(async () => {
  api = await startApiServer()
})
afterEach(async () => await api.close())

const as = (user: User) => new HttpClient(api.as(user))

async function send(user: User, method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const answer = await api.as(user).send({ method, path, headers, body: JSON.stringify(body ?? {}) })
  const chunks = []
  for await (const chunk of answer.body) chunks.push(chunk)
  return { status: answer.status, value: JSON.parse(Buffer.concat(chunks).toString()) }
}

async function review(user: User, spec: SubjectAccessReview['spec'], kind = 'selfsubjectaccessreviews') {
  const { value } = await send(user, 'POST', `/apis/authorization.k8s.io/v1/${kind}`, { spec })
  return value.status as SubjectAccessReview['status']
}

async function grant(rules: PolicyRule[], subject: { kind: string; name: string; namespace?: string }) {
  await api.client.create(roles, { metadata: { name: 'r', namespace }, rules })
  await api.client.create(roleBindings, {
    metadata: { name: 'b', namespace },
    roleRef: { kind: 'Role', name: 'r' },
    subjects: [subject],
  })
}

async function grantEverywhere(rules: PolicyRule[], user: string) {
  await api.client.create(clusterRoles, { metadata: { name: user }, rules })
  await api.client.create(clusterRoleBindings, {
    metadata: { name: user },
    roleRef: { kind: 'ClusterRole', name: user },
    subjects: [{ kind: 'User', name: user }],
  })
}

test('a user without roles may look at kinds and ask about itself, and nothing else', async () => {
  expect((await send(jane, 'GET', '/api/v1')).status).toBe(200)
  expect((await send(jane, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews')).status).toBe(201)
  const { status, value } = await send(jane, 'GET', '/api/v1/namespaces/y/pods')
  expect([status, value.message]).toEqual([
    403,
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "y"',
  ])
  await expect(as(account).list(secrets, { namespace })).rejects.toThrow(
    'secrets is forbidden: User "system:serviceaccount:default:web" cannot list resource "secrets" in API group "" in the namespace "default"',
  )
})

test('a role of a namespace counts there, from when it is bound until it is not', async () => {
  await grant([readPods], { kind: 'User', name: 'jane' })
  expect((await as(jane).list(pods, { namespace })).items).toEqual([])
  await expect(as(jane).list(pods, { namespace: 'kube-system' })).rejects.toSatisfy(isForbidden)
  await expect(as(jane).list(pods)).rejects.toSatisfy(isForbidden)
  await expect(as(jane).delete(pods, { namespace, name: 'x' })).rejects.toSatisfy(isForbidden)
  await api.client.delete(roleBindings, { namespace, name: 'b' })
  await expect(as(jane).list(pods, { namespace })).rejects.toSatisfy(isForbidden)
})

test('a change of the role or of the subjects counts for the next request', async () => {
  await grant([], { kind: 'User', name: 'john' })
  await expect(as(jane).list(pods, { namespace })).rejects.toSatisfy(isForbidden)
  const merge = 'application/merge-patch+json'
  await api.client.patch(roles, { namespace, name: 'r' }, merge, { rules: [readPods] })
  await api.client.patch(roleBindings, { namespace, name: 'b' }, merge, { subjects: [{ kind: 'User', name: 'jane' }] })
  expect((await as(jane).list(pods, { namespace })).items).toEqual([])
  await expect(as({ ...jane, name: 'john' }).list(pods, { namespace })).rejects.toSatisfy(isForbidden)
})

test('a service account has its own rights and those of its groups', async () => {
  await grant([readPods], { kind: 'ServiceAccount', name: 'web', namespace })
  expect((await as(account).list(pods, { namespace })).items).toEqual([])
  await api.client.create(clusterRoleBindings, {
    metadata: { name: 'all' },
    roleRef: { kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'Group', name: 'system:serviceaccounts:default' }],
  })
  await api.client.patch(clusterRoles, { name: 'view' }, 'application/merge-patch+json', {
    rules: [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }],
  })
  expect((await as(account).list(services)).items.map(({ metadata }) => metadata.name)).toEqual(['kubernetes'])
  const elsewhere = { ...account, name: 'system:serviceaccount:other:web', groups: ['system:serviceaccounts:other'] }
  await expect(as(elsewhere).list(services)).rejects.toSatisfy(isForbidden)
})

test('a rule for names lets through these names, also in a list or watch of the one', async () => {
  const rule = { apiGroups: [''], resources: ['configmaps'], verbs: ['*'], resourceNames: ['mine'] }
  await grant([rule], { kind: 'User', name: 'jane' })
  for (const name of ['mine', 'other']) await api.client.create(configMaps, { metadata: { name, namespace } })
  expect((await as(jane).get(configMaps, { namespace, name: 'mine' })).metadata.name).toBe('mine')
  const found = await as(jane).list(configMaps, { namespace, fieldSelector: 'metadata.name=mine' })
  expect(found.items).toHaveLength(1)
  await expect(as(jane).get(configMaps, { namespace, name: 'other' })).rejects.toSatisfy(isForbidden)
  await expect(as(jane).list(configMaps, { namespace })).rejects.toSatisfy(isForbidden)
  await expect(as(jane).create(configMaps, { metadata: { name: 'mine', namespace } })).rejects.toSatisfy(isForbidden)
})

test('a subresource takes a right of its own, and exec by GET the right to create it', async () => {
  await grant([{ apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['get'] }], { kind: 'User', name: 'jane' })
  expect((await send(jane, 'GET', '/api/v1/namespaces/default/pods/x')).status).toBe(404)
  expect((await send(jane, 'GET', '/api/v1/namespaces/default/pods/x/log')).status).toBe(403)
  const { value } = await send(jane, 'GET', '/api/v1/namespaces/default/pods/x/exec')
  expect(value.message).toBe(
    'pods "x" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "default"',
  )
})

test('paths are allowed by cluster roles alone, and a star stands for the rest', async () => {
  expect((await send(jane, 'GET', '/logs/a')).value.message).toBe('forbidden: User "jane" cannot get path "/logs/a"')
  await grantEverywhere([{ nonResourceURLs: ['/logs/*'], verbs: ['get'] }], 'jane')
  expect((await send(jane, 'GET', '/logs/a')).status).toBe(404)
  expect((await send(jane, 'PUT', '/logs/a')).status).toBe(403)
  expect((await send(jane, 'GET', '/logs')).status).toBe(403)
})

test('a role that is gone is named in the refusal', async () => {
  await grant([readPods], { kind: 'User', name: 'jane' })
  await api.client.delete(roles, { namespace, name: 'r' })
  await expect(as(jane).list(pods, { namespace })).rejects.toThrow(
    /in the namespace "default": RBAC: roles.rbac.authorization.k8s.io "r" not found$/,
  )
})

describe('nobody gives away', () => {
  const manage: PolicyRule = {
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
    verbs: ['get', 'create', 'update', 'patch'],
  }
  const role = (rules: PolicyRule[], name = 'new') => ({ metadata: { name, namespace }, rules })
  const binding = (name: string, kind = 'Role') => ({
    metadata: { generateName: 'b-', namespace },
    roleRef: { kind, name },
    subjects: [{ kind: 'User', name: 'jane' }],
  })

  test('what it has not, by writing a role', async () => {
    await grantEverywhere([manage, readPods], 'jane')
    await as(jane).create(roles, role([{ ...readPods, verbs: ['list'] }]))
    await expect(
      as(jane).create(roles, role([{ apiGroups: [''], resources: ['pods', 'secrets'], verbs: ['get'] }], 'more')),
    ).rejects.toThrow(
      'roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    )
    const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
    await expect(
      as(jane).patch(roles, { namespace, name: 'new' }, 'application/merge-patch+json', { rules }),
    ).rejects.toSatisfy(isForbidden)
    await expect(
      as(jane).create(clusterRoles, { metadata: { name: 'sum' }, aggregationRule: { clusterRoleSelectors: [{}] } }),
    ).rejects.toThrow('must have cluster-admin privileges to use aggregationRule')
  })

  test('what it has not, by binding a role', async () => {
    await grantEverywhere([manage], 'jane')
    await expect(as(jane).create(roleBindings, binding('cluster-admin', 'ClusterRole'))).rejects.toSatisfy(isForbidden)
    await expect(as(jane).create(roleBindings, binding('absent'))).rejects.toSatisfy(isNotFound)
    await api.client.create(roles, role([{ ...manage, verbs: ['get'] }]))
    expect((await as(jane).create(roleBindings, binding('new'))).roleRef.name).toBe('new')
  })

  test('unless it may bind, or escalate, that role', async () => {
    const group = 'rbac.authorization.k8s.io'
    const bind = { apiGroups: [group], resources: ['roles'], verbs: ['bind'], resourceNames: ['strong'] }
    const escalate = { apiGroups: [group], resources: ['roles'], verbs: ['escalate'] }
    await grantEverywhere([manage, bind], 'jane')
    await grantEverywhere([manage, escalate], 'john')
    const strong = role([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], 'strong')
    await expect(as(jane).create(roles, strong)).rejects.toSatisfy(isForbidden)
    await as({ ...jane, name: 'john' }).create(roles, strong)
    await expect(as({ ...jane, name: 'john' }).create(roleBindings, binding('strong'))).rejects.toSatisfy(isForbidden)
    await as(jane).create(roleBindings, binding('strong'))
  })
})

describe('validation', () => {
  const messages = async (result: Promise<unknown>) =>
    await result.then(
      () => 'accepted',
      (error: unknown) => (isInvalid(error) ? error.message : Promise.reject(error)),
    )

  test('refuses rules that say nothing', async () => {
    const refused = await messages(
      api.client.create(roles, {
        metadata: { name: 'x', namespace },
        rules: [{ verbs: [] }, { verbs: ['get'], nonResourceURLs: ['/'] }],
      }),
    )
    expect(refused).toContain('rules[0].verbs: Required value: verbs must contain at least one value')
    expect(refused).toContain('rules[0].apiGroups: Required value: resource rules must supply at least one api group')
    expect(refused).toContain('namespaced rules cannot apply to non-resource URLs')
  })

  test('refuses bindings to nothing or nobody', async () => {
    const bind = (kind: string, subject: { kind: string; name: string }) =>
      messages(
        api.client.create(clusterRoleBindings, {
          metadata: { name: 'x' },
          roleRef: { kind, name: 'x' },
          subjects: [subject],
        }),
      )
    expect(await bind('Role', { kind: 'User', name: 'a' })).toContain(
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    )
    expect(await bind('ClusterRole', { kind: 'ServiceAccount', name: 'a' })).toContain(
      'subjects[0].namespace: Required value',
    )
    expect(await bind('ClusterRole', { kind: 'Robot', name: 'a' })).toContain(
      'subjects[0].kind: Unsupported value: "Robot"',
    )
  })

  test('a binding stays with its role', async () => {
    await grant([readPods], { kind: 'User', name: 'jane' })
    const change = api.client.patch(roleBindings, { namespace, name: 'b' }, 'application/merge-patch+json', {
      roleRef: { name: 'other' },
    })
    expect(await messages(change)).toContain('cannot change roleRef')
  })
})

describe('reviews', () => {
  const listPods = { verb: 'list', resource: 'pods', namespace }

  test('agree with what the user may really do, and say why', async () => {
    expect(await review(jane, { resourceAttributes: listPods })).toEqual({ allowed: false })
    await grant([readPods], { kind: 'User', name: 'jane' })
    expect(await review(jane, { resourceAttributes: listPods })).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "b/default" of Role "r" to User "jane"',
    })
    expect(await review(jane, { nonResourceAttributes: { verb: 'get', path: '/metrics' } })).toEqual({ allowed: false })
  })

  test('are for who may ask about others', async () => {
    const admin = { name: 'admin', groups: ['system:masters'] }
    await grant([readPods], { kind: 'ServiceAccount', name: 'web', namespace })
    const spec = { resourceAttributes: listPods, user: account.name, groups: account.groups }
    expect((await review(admin, spec, 'subjectaccessreviews'))?.allowed).toBe(true)
    const local = `/apis/authorization.k8s.io/v1/namespaces/${namespace}/localsubjectaccessreviews`
    expect((await send(admin, 'POST', local, { spec })).value.status.allowed).toBe(true)
    const foreign = { ...spec, resourceAttributes: { ...listPods, namespace: 'other' } }
    expect((await send(admin, 'POST', local, { spec: foreign })).status).toBe(400)
    expect((await send(jane, 'POST', local, { spec })).status).toBe(403)
    expect((await send(admin, 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec: {} })).status).toBe(
      422,
    )
  })

  test('list what a user may do in a namespace', async () => {
    await grant([readPods], { kind: 'User', name: 'jane' })
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
    const { value }: { value: SelfSubjectRulesReview } = await send(jane, 'POST', path, { spec: { namespace } })
    expect(value.status?.resourceRules).toContainEqual(readPods)
    expect(value.status?.nonResourceRules.flatMap(({ nonResourceURLs }) => nonResourceURLs)).toContain('/healthz')
    expect(value.status?.incomplete).toBe(false)
  })
})

describe('acting as another', () => {
  const headers = { 'impersonate-user': account.name }

  test('takes the right to, and then counts as the other', async () => {
    await grant([readPods], { kind: 'ServiceAccount', name: 'web', namespace })
    const path = '/api/v1/namespaces/default/pods'
    const refused = await send(jane, 'GET', path, undefined, headers)
    expect(refused.value.message).toBe(
      'serviceaccounts "web" is forbidden: User "jane" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"',
    )
    await grantEverywhere(
      [{ apiGroups: [''], resources: ['serviceaccounts', 'users'], verbs: ['impersonate'] }],
      'jane',
    )
    expect((await send(jane, 'GET', path, undefined, headers)).status).toBe(200)
    expect((await send(jane, 'GET', '/api/v1/secrets', undefined, headers)).status).toBe(403)
    const masters = { 'impersonate-user': 'x', 'impersonate-group': 'a, system:masters' }
    expect((await send(jane, 'GET', path, undefined, masters)).value.message).toContain('resource "groups"')
  })

  test('is told by whoami', async () => {
    const admin = { name: 'admin', groups: ['system:masters'] }
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
    const { value } = await send(admin, 'POST', path, undefined, { ...headers, 'impersonate-extra-a%2fb': 'c' })
    expect(value.status.userInfo).toEqual({
      username: account.name,
      groups: account.groups,
      extra: { 'a/b': ['c'] },
    })
  })
})

describe('the default roles', () => {
  test('come back at the next start with what was taken from them, and keep what was added', async () => {
    const { store } = api
    const merge = 'application/merge-patch+json'
    const added = { apiGroups: ['x'], resources: ['y'], verbs: ['z'] }
    await api.client.patch(clusterRoles, { name: 'system:basic-user' }, merge, { rules: [added] })
    await api.client.patch(clusterRoles, { name: 'system:discovery' }, merge, {
      rules: [],
      metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
    })
    await api.client.patch(clusterRoleBindings, { name: 'system:basic-user' }, merge, { subjects: [] })
    await api.client.delete(clusterRoleBindings, { name: 'cluster-admin' })
    const next = await startApiServer({ store })
    const basic = await next.client.get(clusterRoles, { name: 'system:basic-user' })
    expect(basic.rules).toContainEqual(added)
    expect(basic.rules?.flatMap(({ resources = [] }) => resources)).toContain('selfsubjectreviews')
    expect((await next.client.get(clusterRoles, { name: 'system:discovery' })).rules).toEqual([])
    const { subjects } = await next.client.get(clusterRoleBindings, { name: 'system:basic-user' })
    expect(subjects).toMatchObject([{ kind: 'Group', name: 'system:authenticated' }])
    expect((await next.client.get(clusterRoleBindings, { name: 'cluster-admin' })).roleRef.name).toBe('cluster-admin')
  })

  test('admin, edit and view are the sums of their parts, also of those that users add', async () => {
    const stop = new AbortController()
    const log = { info() {}, warn: console.warn, error: console.error }
    const running = runControllers({ client: api.client, clusterCidrs: ['10.244.0.0/16'], log }, stop.signal)
    try {
      await api.client.create(roleBindings, {
        metadata: { name: 'b', namespace },
        roleRef: { kind: 'ClusterRole', name: 'edit' },
        subjects: [{ kind: 'User', name: 'jane' }],
      })
      await vi.waitFor(async () => expect((await as(jane).list(deployments, { namespace })).items).toEqual([]))
      await vi.waitFor(async () => {
        await as(jane).create(configMaps, { metadata: { generateName: 'x', namespace } })
      })
      await expect(as(jane).create(roles, { metadata: { name: 'r', namespace } })).rejects.toSatisfy(isForbidden)
      await expect(as(jane).list(secrets, { namespace: 'kube-system' })).rejects.toSatisfy(isForbidden)
      await api.client.create(clusterRoles, {
        metadata: { name: 'widgets', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
        rules: [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }],
      })
      const resourceAttributes = { verb: 'get', group: 'example.com', resource: 'widgets', namespace }
      await vi.waitFor(async () => expect((await review(jane, { resourceAttributes }))?.allowed).toBe(true))
      await api.client.delete(clusterRoles, { name: 'widgets' })
      await vi.waitFor(async () => expect((await review(jane, { resourceAttributes }))?.allowed).toBe(false))
    } finally {
      stop.abort()
      await running
    }
  })
})
