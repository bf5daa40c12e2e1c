// A pod speaks to the API server through its Service, with the token that it was given, and may do what its roles say.

import { beforeAll, expect, test, vi } from 'vitest'
import { apply, execIn, freshNamespace, kubectl, testboxPod, tryKubectl } from '../support/lab.ts'

const secretsDir = '/var/run/secrets/kubernetes.io/serviceaccount'
let namespace: string

beforeAll(async () => {
  namespace = await freshNamespace('e2e-accounts')
  const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace }]
  await apply(
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'services', namespace },
      rules: [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'services', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'services' },
      subjects,
    },
    testboxPod({ namespace, name: 'box' }),
    testboxPod({ namespace, name: 'short' }),
  )
  await kubectl('wait', '-n', namespace, 'pod', '--all', '--for=condition=Ready', '--timeout=60s')
})

/** The status code and the body of an answer that a pod gets, from the API server's Service IP. */
async function ask(pod: string, path: string, token?: string): Promise<[code: string, body: string]> {
  const bearer = token ?? (await execIn(namespace, pod, 'cat', `${secretsDir}/token`))
  const curl = ['curl', '-sS', '--cacert', `${secretsDir}/ca.crt`, '-H', `Authorization: Bearer ${bearer}`]
  const output = await execIn(namespace, pod, ...curl, '-w', '\n%{http_code}', `https://10.96.0.1${path}`)
  const lines = output.trimEnd().split('\n')
  return [lines.pop() ?? '', lines.join('\n')]
}

test('a pod lists what its service account may, and is refused the rest with the reason', async () => {
  const services = `/api/v1/namespaces/${namespace}/services`
  const [code, body] = await ask('box', services)
  expect([code, JSON.parse(body).kind]).toEqual(['200', 'ServiceList'])
  const [refused, why] = await ask('box', `/api/v1/namespaces/${namespace}/secrets`)
  expect([refused, JSON.parse(why).message]).toEqual([
    '403',
    `secrets is forbidden: User "system:serviceaccount:${namespace}:default" cannot list resource "secrets" in API group "" in the namespace "${namespace}"`,
  ])
  expect((await ask('box', '/api/v1/services'))[0]).toBe('403')
  expect((await ask('box', services, 'nonsense'))[0]).toBe('401')
})

test('a pod finds the issuer of its token, and the keys to check it with', async () => {
  const [code, body] = await ask('box', '/.well-known/openid-configuration')
  expect([code, JSON.parse(body).issuer]).toEqual(['200', 'https://kubernetes.default.svc.cluster.local'])
  const [, keys] = await ask('box', '/openid/v1/jwks')
  expect(JSON.parse(keys).keys).toHaveLength(1)
})

test('the token of a pod opens nothing when the pod is gone', async () => {
  const token = await execIn(namespace, 'short', 'cat', `${secretsDir}/token`)
  const services = `/api/v1/namespaces/${namespace}/services`
  expect((await ask('box', services, token))[0]).toBe('200')
  await kubectl('delete', 'pod', '-n', namespace, 'short', '--grace-period=1')
  expect((await ask('box', services, token))[0]).toBe('401')
})

test('kubectl auth can-i answers for oneself and for others', async () => {
  const account = `--as=system:serviceaccount:${namespace}:default`
  expect((await tryKubectl(['auth', 'can-i', 'list', 'services', '-n', namespace, account])).stdout.trim()).toBe('yes')
  const no = await tryKubectl(['auth', 'can-i', 'list', 'secrets', '-n', namespace, account])
  expect([no.exitCode, no.stdout.trim()]).toEqual([1, 'no'])
  expect(await kubectl('auth', 'can-i', '*', '*', '--all-namespaces')).toMatch(/^yes/)
  expect(await kubectl('auth', 'can-i', '--list', '-n', namespace, account)).toMatch(
    /^services +\[\] +\[\] +\[list\]$/m,
  )
  const listed = await tryKubectl(['get', 'pods', '-n', namespace, account])
  expect(listed.stderr).toContain(`cannot list resource "pods" in API group "" in the namespace "${namespace}"`)
})

test('a binding that goes takes the right with it at once', async () => {
  const services = `/api/v1/namespaces/${namespace}/services`
  expect((await ask('box', services))[0]).toBe('200')
  await kubectl('delete', 'rolebinding', '-n', namespace, 'services')
  await vi.waitFor(async () => expect((await ask('box', services))[0]).toBe('403'), { timeout: 30_000, interval: 100 })
})
