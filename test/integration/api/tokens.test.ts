import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AuthenticationTokenRequest, TokenReview } from '../../../api/generated/types.ts'
import { isConflict, isInvalid, isNotFound } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { serviceAccounts } from '../../../api/resources/service-accounts.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

const issuer = 'https://kubernetes.default.svc.cluster.local'
const namespace = 'default'
let api: TestApiServer
let accountUid = ''

beforeEach(async () => {
  api = await startApiServer()
  const account = await api.client.create(serviceAccounts, { metadata: { name: 'web', namespace } })
  accountUid = account.metadata.uid
})
afterEach(async () => await api.close())

async function requestToken(spec: AuthenticationTokenRequest['spec'] = {}) {
  const answer: AuthenticationTokenRequest = Object(
    await api.client.createSubresource(serviceAccounts, { namespace, name: 'web' }, 'token', { spec }),
  )
  return { token: answer.status?.token ?? '', expires: answer.status?.expirationTimestamp ?? '' }
}

async function get(path: string) {
  const answer = await api.transport.send({ method: 'GET', path, headers: {} })
  const chunks = []
  for await (const chunk of answer.body) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

async function review(token: string, audiences: string[] = []) {
  const answer = await api.transport.send({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/tokenreviews',
    headers: {},
    body: JSON.stringify({ spec: { token, audiences } }),
  })
  const chunks = []
  for await (const chunk of answer.body) chunks.push(chunk)
  const { status }: TokenReview = JSON.parse(Buffer.concat(chunks).toString())
  return status
}

async function createPod(serviceAccountName = 'web') {
  await api.client.create(nodes, { metadata: { name: 'node-1' } })
  const spec = { serviceAccountName, nodeName: 'node-1', containers: [{ name: 'a', image: 'a' }] }
  return await api.client.create(pods, { metadata: { name: 'pod', namespace }, spec })
}

test('a token says who its holder is, and everybody can check it with the published keys', async () => {
  const { token, expires } = await requestToken({ expirationSeconds: 600, audiences: ['vault'] })
  const { jwks_uri, issuer: published } = await get('/.well-known/openid-configuration')
  expect([jwks_uri, published]).toEqual(['https://192.0.2.1:6443/openid/v1/jwks', issuer])
  const keys: JSONWebKeySet = await get('/openid/v1/jwks')
  expect(keys.keys[0]).not.toHaveProperty('d')
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { issuer, audience: 'vault' })
  expect(payload).toMatchObject({
    sub: 'system:serviceaccount:default:web',
    'kubernetes.io': { namespace, serviceaccount: { name: 'web', uid: accountUid } },
  })
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(600)
  expect(Date.parse(expires) / 1000).toBe(payload.exp)
})

test('the holder of a token is its service account, with groups, and the pod it is bound to', async () => {
  const pod = await createPod()
  const { token } = await requestToken({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'pod' } })
  const status = await review(token)
  expect(status).toMatchObject({
    authenticated: true,
    audiences: [issuer],
    user: {
      username: 'system:serviceaccount:default:web',
      uid: accountUid,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/pod-name': ['pod'],
        'authentication.kubernetes.io/pod-uid': [pod.metadata.uid],
        'authentication.kubernetes.io/node-name': ['node-1'],
        'authentication.kubernetes.io/credential-id': [`JTI=${decodeJwt(token).jti}`],
      },
    },
  })
})

test('a token ends with the pod it is bound to, also when another of the same name comes', async () => {
  await createPod()
  const { token } = await requestToken({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'pod' } })
  await api.client.delete(pods, { namespace, name: 'pod' }, { gracePeriodSeconds: 0 })
  expect((await review(token))?.authenticated).toBeUndefined()
  await api.client.create(pods, {
    metadata: { name: 'pod', namespace },
    spec: { serviceAccountName: 'web', containers: [{ name: 'a', image: 'a' }] },
  })
  expect((await review(token))?.authenticated).toBeUndefined()
})

test('a token ends with its service account', async () => {
  const { token } = await requestToken()
  expect((await review(token))?.authenticated).toBe(true)
  await api.client.delete(serviceAccounts, { namespace, name: 'web' })
  await api.client.create(serviceAccounts, { metadata: { name: 'web', namespace } })
  expect(await review(token)).toEqual({ user: {}, error: 'invalid bearer token' })
})

test('a token for others does not open the API server', async () => {
  const { token } = await requestToken({ audiences: ['vault', 'bank'] })
  expect((await review(token))?.authenticated).toBeUndefined()
  expect(await review(token, ['bank', 'shop'])).toMatchObject({ authenticated: true, audiences: ['bank'] })
})

test('a token that was changed, or signed by another cluster, is nobody', async () => {
  const { token } = await requestToken()
  const [head, claims = '', signature] = token.split('.')
  const forged = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'system:admin' })).toString('base64url')
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')
  for (const bad of [[head, forged, signature], [unsigned, claims, ''], [head, claims, ''], ['x']])
    expect((await review(bad.join('.')))?.authenticated).toBeUndefined()
  const other = await startApiServer()
  try {
    await other.client.create(serviceAccounts, { metadata: { name: 'web', namespace } })
    const answer: AuthenticationTokenRequest = Object(
      await other.client.createSubresource(serviceAccounts, { namespace, name: 'web' }, 'token', { spec: {} }),
    )
    expect((await review(answer.status?.token ?? ''))?.authenticated).toBeUndefined()
  } finally {
    await other.close()
  }
})

test('requests that cannot be met are refused with the reason', async () => {
  await createPod('other')
  const pod = { kind: 'Pod', apiVersion: 'v1', name: 'pod' }
  await expect(requestToken({ expirationSeconds: 599 })).rejects.toSatisfy(isInvalid)
  await expect(requestToken({ boundObjectRef: { ...pod, name: 'absent' } })).rejects.toSatisfy(isNotFound)
  await expect(requestToken({ boundObjectRef: { ...pod, uid: 'other' } })).rejects.toSatisfy(isConflict)
  await expect(requestToken({ boundObjectRef: pod })).rejects.toThrow('running with different serviceaccount name')
  await expect(requestToken({ boundObjectRef: { kind: 'Service', apiVersion: 'v1', name: 'x' } })).rejects.toThrow(
    'cannot bind token for serviceaccount "web"',
  )
})
