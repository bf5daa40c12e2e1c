import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Pod } from '../../../api/generated/types.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { namespaces } from '../../../api/resources/namespaces.ts'
import { pods } from '../../../api/resources/pods.ts'
import { serviceAccounts } from '../../../api/resources/service-accounts.ts'
import { runControllers } from '../../../control-plane/controllers/manager.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

const caCert = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
let api: TestApiServer
let stop: AbortController
let running: Promise<void>

beforeEach(async () => {
  api = await startApiServer({ leftOutAdmission: [] })
  stop = new AbortController()
  const options = { client: api.client, clusterCidrs: ['10.244.0.0/16'], caCert, log: pino({ level: 'silent' }) }
  running = runControllers(options, stop.signal)
})
afterEach(async () => {
  stop.abort()
  await running
  await api.close()
})

const create = (spec: Partial<Pod['spec']> = {}, namespace = 'default') =>
  api.client.create(pods, {
    metadata: { generateName: 'web-', namespace },
    spec: { containers: [{ name: 'a', image: 'a' }], ...spec },
  })

test('a pod of a namespace just made gets the default account, and its token where clients look', async () => {
  await api.client.create(namespaces, { metadata: { name: 'new' } })
  const { spec } = await create({ initContainers: [{ name: 'i', image: 'i' }] }, 'new')
  expect([spec.serviceAccountName, spec.serviceAccount]).toEqual(['default', 'default'])
  const [volume] = spec.volumes ?? []
  expect(volume?.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/)
  expect(volume?.projected?.defaultMode).toBe(0o644)
  expect(volume?.projected?.sources).toMatchObject([
    { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
  ])
  const mount = { name: volume?.name, readOnly: true, mountPath }
  expect([...spec.containers, ...(spec.initContainers ?? [])].map(({ volumeMounts }) => volumeMounts)).toEqual([
    [mount],
    [mount],
  ])
})

test('the pod says whether a token is mounted, else its account does', async () => {
  await api.client.create(serviceAccounts, {
    metadata: { name: 'quiet', namespace: 'default' },
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'registry' }],
  })
  const quiet = await create({ serviceAccountName: 'quiet' })
  expect([quiet.spec.volumes, quiet.spec.imagePullSecrets]).toEqual([undefined, [{ name: 'registry' }]])
  const loud = await create({ serviceAccountName: 'quiet', automountServiceAccountToken: true })
  expect(loud.spec.volumes).toHaveLength(1)
  const mute = await create({ automountServiceAccountToken: false })
  expect(mute.spec.volumes).toBeUndefined()
})

test('what is mounted at the place already stays', async () => {
  const volumeMounts = [{ name: 'own', mountPath }]
  const pod = await create({
    volumes: [{ name: 'own', emptyDir: {} }],
    containers: [{ name: 'a', image: 'a', volumeMounts }],
  })
  expect(pod.spec.containers[0]?.volumeMounts).toEqual(volumeMounts)
  expect(pod.spec.volumes?.map(({ name }) => name)).toEqual(['own'])
})

test('a pod of an account that is not there is refused', async () => {
  await expect(create({ serviceAccountName: 'absent' })).rejects.toThrow(
    'is forbidden: error looking up service account default/absent: serviceaccount "absent" not found',
  )
})

test('every namespace has the authority of the cluster, and gets it back', async () => {
  const name = { namespace: 'kube-system', name: 'kube-root-ca.crt' }
  const read = () => api.client.get(configMaps, name)
  await vi.waitFor(async () => expect((await read()).data).toEqual({ 'ca.crt': caCert }))
  await api.client.patch(configMaps, name, 'application/merge-patch+json', { data: { 'ca.crt': 'another' } })
  await vi.waitFor(async () => expect((await read()).data).toEqual({ 'ca.crt': caCert }))
  const { uid } = (await read()).metadata
  await api.client.delete(configMaps, name)
  await vi.waitFor(async () => {
    const again = await read()
    expect([again.metadata.uid === uid, again.data]).toEqual([false, { 'ca.crt': caCert }])
  })
})
