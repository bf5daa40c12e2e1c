// CertificateSigningRequests as a kind: what may be written through which door, and by whom.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeKeyAndRequest } from '../../../api/certificates/pkcs10.ts'
import { HttpClient } from '../../../api/client/http-client.ts'
import type { CertificateSigningRequest, CertificateSigningRequestSpec } from '../../../api/generated/types.ts'
import { certificateSigningRequests } from '../../../api/resources/certificate-signing-requests.ts'
import { clusterRoleBindings } from '../../../api/resources/cluster-role-bindings.ts'
import { clusterRoles } from '../../../api/resources/cluster-roles.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

const alice = { name: 'alice', uid: 'u-1', groups: ['devs', 'system:authenticated'], extra: { team: ['red'] } }
const bob = { name: 'bob', groups: ['system:authenticated'] }
const rbac = 'rbac.authorization.k8s.io'
let api: TestApiServer
let as: (user: typeof bob) => HttpClient

beforeEach(async () => {
  api = await startApiServer()
  as = (user) => new HttpClient(api.as(user))
})
afterEach(async () => await api.close())

async function makeRequest(
  spec: Partial<CertificateSigningRequestSpec> = {},
  subject = { commonName: 'alice', organizations: ['devs'] },
): Promise<CertificateSigningRequest> {
  const { requestPem } = await makeKeyAndRequest(subject)
  return {
    metadata: { name: 'mine' },
    spec: {
      signerName: 'kubernetes.io/kube-apiserver-client',
      request: Buffer.from(requestPem).toString('base64'),
      usages: ['client auth'],
      ...spec,
    },
  }
}

async function allow(user: string, verbs: string[], resources: string[], resourceNames?: string[]) {
  const name = `${user}-${verbs.join('-')}-${resources.join('-').replaceAll('/', '.')}`
  const rules = [{ verbs, apiGroups: ['certificates.k8s.io'], resources, ...(resourceNames && { resourceNames }) }]
  await api.client.create(clusterRoles, { metadata: { name }, rules })
  await api.client.create(clusterRoleBindings, {
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: rbac, kind: 'User', name: user }],
  })
}

const requests = ['certificatesigningrequests']
const condition = (type: string) => ({ type, status: 'True', reason: 'Test', message: 'so it is' })
const decide = (type: string) => async (client: HttpClient) => {
  const current = await api.client.get(certificateSigningRequests, { name: 'mine' })
  return await client.update(
    certificateSigningRequests,
    { ...current, status: { conditions: [condition(type)] } },
    { subresource: 'approval' },
  )
}

test('who asks is written in by the server, whatever the client says, and stays', async () => {
  await api.close()
  api = await startApiServer({ leftOutAdmission: ['CertificateRequester', 'CertificateGuard'] })
  await allow('alice', ['create'], requests)
  const asked = await makeRequest({ username: 'admin', groups: ['system:masters'], uid: 'x' })
  const created = await as(alice).create(certificateSigningRequests, asked)
  expect(created.spec).toMatchObject({ username: 'alice', uid: 'u-1', groups: alice.groups, extra: { team: ['red'] } })
  const changed = { ...created, spec: { ...created.spec, signerName: 'example.com/other', username: 'bob' } }
  const updated = await api.client.update(certificateSigningRequests, changed)
  expect(updated.spec).toEqual(created.spec)
})

test.each<[string, Partial<CertificateSigningRequestSpec>]>([
  ['spec.usages: Required value', { usages: [] }],
  ['spec.usages[0]: Unsupported value: "fun"', { usages: ['fun'] }],
  ['spec.usages[1]: Duplicate value: "client auth"', { usages: ['client auth', 'client auth'] }],
  ['spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600', { expirationSeconds: 599 }],
  ['spec.signerName: Invalid value: "mine": must be a fully qualified domain and path', { signerName: 'mine' }],
  ['the legacy signerName is not allowed via this API version', { signerName: 'kubernetes.io/legacy-unknown' }],
  ['spec.request: Invalid value', { request: Buffer.from('hello').toString('base64') }],
  ['spec.request: Required value', { request: '' }],
])('%s', async (expected, spec) => {
  const created = api.client.create(certificateSigningRequests, await makeRequest(spec))
  await expect(created).rejects.toThrow(expected)
})

test('nobody gets a certificate of the group of administrators by asking', async () => {
  const asked = makeRequest({}, { commonName: 'eve', organizations: ['system:masters'] })
  await expect(api.client.create(certificateSigningRequests, await asked)).rejects.toThrow(
    'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  )
})

test('approval takes the right to approve for the signer, beside the right to write approvals', async () => {
  await api.client.create(certificateSigningRequests, await makeRequest())
  await expect(decide('Approved')(as(bob))).rejects.toThrow(
    'cannot update resource "certificatesigningrequests/approval"',
  )
  await allow('bob', ['update'], ['certificatesigningrequests/approval'])
  await expect(decide('Approved')(as(bob))).rejects.toThrow(
    'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
  )
  await allow('bob', ['approve'], ['signers'], ['kubernetes.io/*'])
  const { status } = await decide('Approved')(as(bob))
  expect(status?.conditions).toMatchObject([{ type: 'Approved', status: 'True', reason: 'Test' }])
  expect(status?.conditions?.[0]?.lastTransitionTime).toMatch(/^\d{4}-/)
})

test('a decision is made at the approval door alone, and stays', async () => {
  const created = await api.client.create(certificateSigningRequests, await makeRequest())
  const approved = { ...created, status: { conditions: [condition('Approved')] } }
  await expect(api.client.update(certificateSigningRequests, approved, { subresource: 'status' })).rejects.toThrow(
    'updates may not add a condition of type "Approved"',
  )
  await decide('Denied')(api.client)
  await expect(decide('Approved')(api.client)).rejects.toThrow('may not remove a condition of type "Denied"')
})

test('the words of a decision are not rewritten at the status door', async () => {
  await api.client.create(certificateSigningRequests, await makeRequest())
  const { status, ...decided } = await decide('Approved')(api.client)
  const other = { ...condition('Approved'), reason: 'Other', message: 'not so', lastUpdateTime: '2001-01-01T00:00:00Z' }
  const written = { ...decided, status: { conditions: [other, condition('Failed')] } }
  const updated = await api.client.update(certificateSigningRequests, written, { subresource: 'status' })
  expect(updated.status?.conditions?.map(({ type }) => type)).toEqual(['Approved', 'Failed'])
  expect(updated.status?.conditions?.[0]).toEqual(status?.conditions?.[0])
})

test('signing takes the right to sign, and a certificate that is written stays', async () => {
  await api.client.create(certificateSigningRequests, await makeRequest())
  const write = async (client: HttpClient, pem: string) => {
    const { metadata: _, ...current } = await api.client.get(certificateSigningRequests, { name: 'mine' })
    const status = { ...current.status, certificate: Buffer.from(pem).toString('base64') }
    const object = { ...current, metadata: { name: 'mine' }, status }
    return await client.update(certificateSigningRequests, object, { subresource: 'status' })
  }
  const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`
  await allow('bob', ['update'], ['certificatesigningrequests/status'])
  await expect(write(as(bob), pem('AAAA'))).rejects.toThrow('user not permitted to sign requests with signerName')
  await expect(write(api.client, 'nonsense')).rejects.toThrow('must contain PEM blocks of type CERTIFICATE')
  await write(api.client, pem('AAAA'))
  await expect(write(api.client, pem('BBBB'))).rejects.toThrow('may not modify a certificate that is set')
})

test('who asked reads the own request, and no other', async () => {
  await allow('alice', ['create'], requests)
  await allow('bob', ['create'], requests)
  await as(alice).create(certificateSigningRequests, await makeRequest())
  expect((await as(alice).get(certificateSigningRequests, { name: 'mine' })).metadata.name).toBe('mine')
  await expect(as(bob).get(certificateSigningRequests, { name: 'mine' })).rejects.toThrow('forbidden')
  await expect(as(alice).list(certificateSigningRequests)).rejects.toThrow('forbidden')
})

test('a node asks for certificates of its own name, from the signers for nodes', async () => {
  const node = as({ name: 'system:node:n-1', groups: ['system:nodes', 'system:authenticated'] })
  const ask = async (signerName: string, commonName: string) => {
    const { spec } = await makeRequest({ signerName }, { commonName, organizations: ['system:nodes'] })
    return await node.create(certificateSigningRequests, { metadata: { generateName: 'csr-' }, spec })
  }
  const serving = 'kubernetes.io/kubelet-serving'
  expect((await ask(serving, 'system:node:n-1')).spec.username).toBe('system:node:n-1')
  await expect(ask(serving, 'system:node:n-2')).rejects.toThrow('CN=system:node:n-1, not CN=system:node:n-2')
  await expect(ask('kubernetes.io/kube-apiserver-client', 'system:node:n-1')).rejects.toThrow('can only request')
})

test('columns are those of kubectl', async () => {
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
  await api.client.create(certificateSigningRequests, await makeRequest({ expirationSeconds: 3600 }))
  await decide('Approved')(api.client)
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
  const { body } = await api.transport.send({ method: 'GET', path, headers })
  const chunks = []
  for await (const chunk of body) chunks.push(chunk)
  const { columnDefinitions, rows } = JSON.parse(Buffer.concat(chunks).toString())
  expect(columnDefinitions.map(({ name }: { name: string }) => name.toUpperCase())).toEqual([
    'NAME',
    'AGE',
    'SIGNERNAME',
    'REQUESTOR',
    'REQUESTEDDURATION',
    'CONDITION',
  ])
  const signer = 'kubernetes.io/kube-apiserver-client'
  expect(rows[0].cells).toEqual(['mine', expect.any(String), signer, 'admin', '60m', 'Approved'])
})
