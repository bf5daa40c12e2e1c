import { afterEach, beforeEach, expect, test } from 'vitest'
import { HttpClient } from '../../../api/client/http-client.ts'
import type { Deployment } from '../../../api/generated/types.ts'
import { clusterRoleBindings } from '../../../api/resources/cluster-role-bindings.ts'
import { clusterRoles } from '../../../api/resources/cluster-roles.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { deployments } from '../../../api/resources/deployments.ts'
import type { User } from '../../../control-plane/api-server/exchange.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

const admin: User = { name: 'admin', groups: ['system:masters'] }
const web = { namespace: 'default', name: 'web' }
const path = '/apis/apps/v1/namespaces/default/deployments/web'
let api: TestApiServer

beforeEach(async () => {
  api = await startApiServer()
})
afterEach(async () => await api.close())

async function patch(where: string, manager: string, body: string | object, { more = '', user = admin } = {}) {
  const answer = await api.as(user).send({
    method: 'PATCH',
    path: `${where}?fieldManager=${manager}${more}`,
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const chunks = []
  for await (const chunk of answer.body) chunks.push(chunk)
  return { status: answer.status, value: JSON.parse(Buffer.concat(chunks).toString()) }
}

const manifest = (replicas: number, image = 'one') => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { team: red } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - name: web
        image: ${image}
        ports: [{ containerPort: 80 }]
`

test('what is not there is created, what is there is merged with what others have', async () => {
  const made = await patch(path, 'me', manifest(2))
  expect([made.status, made.value.metadata.generation]).toEqual([201, 1])
  await api.client.patch(deployments, web, 'application/merge-patch+json', { metadata: { annotations: { note: 'x' } } })
  const changed = await patch(path, 'me', manifest(2, 'two'))
  const { metadata, spec }: Deployment = changed.value
  expect(changed.status).toBe(200)
  expect([spec?.template.spec?.containers[0]?.image, metadata?.annotations?.note, metadata?.generation]).toEqual([
    'two',
    'x',
    2,
  ])
  expect(metadata?.managedFields?.map(({ manager, operation }) => [manager, operation])).toEqual([
    ['me', 'Apply'],
    ['admin', 'Update'],
  ])
  expect(spec?.template.spec?.containers[0]?.ports).toEqual([{ containerPort: 80, protocol: 'TCP' }])
})

test('to apply the same twice writes nothing the second time', async () => {
  const first = await patch(path, 'me', manifest(2))
  const second = await patch(path, 'me', manifest(2))
  expect(second.value).toEqual(first.value)
})

test('the field of another is a conflict with causes, and is taken by force', async () => {
  await patch(path, 'me', manifest(2))
  const refused = await patch(path, 'you', { apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 3 } })
  expect([refused.status, refused.value.reason, refused.value.message]).toEqual([
    409,
    'Conflict',
    'Apply failed with 1 conflict: conflict with "me": .spec.replicas',
  ])
  expect(refused.value.details.causes).toEqual([
    { reason: 'FieldManagerConflict', message: 'conflict with "me"', field: '.spec.replicas' },
  ])
  const more = '&force=true'
  const body = { apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 3 } }
  expect((await patch(path, 'you', body, { more })).value.spec.replicas).toBe(3)
  expect((await patch(path, 'me', manifest(2))).value.message).toContain('conflict with "you": .spec.replicas')
})

test('the status has managers of its own', async () => {
  await patch(path, 'me', manifest(2))
  const status = { apiVersion: 'apps/v1', kind: 'Deployment', status: { replicas: 1 } }
  const answer = await patch(`${path}/status`, 'controller', status)
  expect([answer.status, answer.value.status, answer.value.spec.replicas]).toEqual([200, { replicas: 1 }, 2])
  const entry = answer.value.metadata.managedFields.find(({ manager }: { manager: string }) => manager === 'controller')
  expect([entry.subresource, entry.fieldsV1]).toEqual(['status', { 'f:status': { 'f:replicas': {} } }])
  expect((await patch(path, 'me', manifest(4))).value.status).toEqual({ replicas: 1 })
})

test('a field that is applied no more goes, or gets its default', async () => {
  await patch(path, 'me', manifest(2))
  const less = manifest(2).replace(', labels: { team: red }', '').replace('  replicas: 2\n', '')
  const { value } = await patch(path, 'me', less)
  expect([value.metadata.labels, value.spec.replicas]).toEqual([undefined, 1])
})

test('nobody applies into being what it may not create', async () => {
  const jane: User = { name: 'jane', groups: ['system:authenticated'] }
  await api.client.create(clusterRoles, {
    metadata: { name: 'patcher' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch'] }],
  })
  await api.client.create(clusterRoleBindings, {
    metadata: { name: 'patcher' },
    roleRef: { kind: 'ClusterRole', name: 'patcher' },
    subjects: [{ kind: 'User', name: 'jane' }],
  })
  const settings = '/api/v1/namespaces/default/configmaps/settings'
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { a: '1' } }
  const refused = await patch(settings, 'jane', body, { user: jane })
  expect(refused.value.message).toContain('User "jane" cannot create resource "configmaps"')
  await api.client.create(configMaps, { metadata: { name: 'settings', namespace: 'default' } })
  expect((await patch(settings, 'jane', body, { user: jane })).value.data).toEqual({ a: '1' })
})

test('requests that cannot be met are refused with the reason, and a dry run changes nothing', async () => {
  const dry = await patch(path, 'me', manifest(2), { more: '&dryRun=All' })
  expect([dry.status, dry.value.spec.replicas]).toEqual([201, 2])
  expect((await patch(path, 'me', manifest(-1))).status).toBe(422)
  expect((await patch(path, '', manifest(1))).value.message).toContain('fieldManager: Required value')
  expect((await patch(path, 'me', 'a: [')).status).toBe(400)
  expect((await patch(path, 'me', manifest(1).replace('name: web,', 'name: other,'))).status).toBe(400)
  await expect(new HttpClient(api.transport).get(deployments, web)).rejects.toThrow('not found')
})

test('[{}] makes the server forget who manages what', async () => {
  await patch(path, 'me', manifest(2))
  const forgotten = await api.client.patch(deployments, web, 'application/merge-patch+json', {
    metadata: { managedFields: [{}] },
  })
  expect(forgotten.metadata.managedFields).toBeUndefined()
})
