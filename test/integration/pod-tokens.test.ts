// Tokens of pods, from the API server that makes them to the file that a container reads.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WatchedObjects } from '../../agent/pods/watched-objects.ts'
import { PodVolumes } from '../../agent/volumes/pod-volumes.ts'
import { HttpClient } from '../../api/client/http-client.ts'
import type { Pod, TokenReview } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isForbidden } from '../../api/objects/status-error.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { secrets } from '../../api/resources/secrets.ts'
import { serviceAccounts } from '../../api/resources/service-accounts.ts'
import type { User } from '../../control-plane/api-server/exchange.ts'
import { startApiServer, type TestApiServer } from '../support/start-api-server.ts'

const namespace = 'default'
const facts = { podIps: [], hostIps: ['192.0.2.1'], allocatable: { cpu: '2' } }
const agentOf = (name: string): User => ({
  name: `system:node:${name}`,
  groups: ['system:nodes', 'system:authenticated'],
})
let api: TestApiServer
let dataDir: string
let volumes: PodVolumes
let objects: WatchedObjects
let nowMs: number
let failures: unknown[]

beforeEach(async () => {
  api = await startApiServer()
  for (const name of ['a', 'b']) await api.client.create(nodes, { metadata: { name } })
  await api.client.create(serviceAccounts, { metadata: { name: 'web', namespace } })
  dataDir = await mkdtemp(join(tmpdir(), 'fairlead-tokens-'))
  nowMs = Date.now()
  failures = []
  const client = new HttpClient(api.as(agentOf('a')))
  objects = new WatchedObjects({
    client,
    onChange: () => {},
    onError: (error) => failures.push(error),
    now: () => nowMs,
  })
  volumes = new PodVolumes({ dataDir, objects })
})
afterEach(async () => {
  objects.close()
  for (const uid of await volumes.listPods()) await volumes.remove(uid)
  await rm(dataDir, { recursive: true, force: true })
  await api.close()
})

async function createPod(nodeName = 'a', more: Partial<Pod['spec']> = {}): Promise<Stored<Pod>> {
  const source = { serviceAccountToken: { path: 'token', expirationSeconds: 600 } }
  return await api.client.create(pods, {
    metadata: { generateName: 'pod-', namespace },
    spec: {
      nodeName,
      serviceAccountName: 'web',
      containers: [{ name: 'a', image: 'a' }],
      volumes: [{ name: 'v', projected: { sources: [source] } }],
      ...more,
    },
  })
}

const read = ({ metadata }: Stored<Pod>) =>
  readFile(join(dataDir, 'pods', metadata.uid, 'volumes', 'v', 'token'), 'utf8')

async function review(token: string) {
  const answer = await api.transport.send({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/tokenreviews',
    headers: {},
    body: JSON.stringify({ spec: { token } }),
  })
  const chunks = []
  for await (const chunk of answer.body) chunks.push(chunk)
  const { status }: TokenReview = JSON.parse(Buffer.concat(chunks).toString())
  return status
}

describe.runIf(process.getuid?.() === 0)('the file of a token', () => {
  test('is renewed when four fifths of the life of the token are over, not before', async () => {
    const pod = await createPod()
    await volumes.prepare(pod, facts)
    const first = await read(pod)
    const { exp = 0, iat = 0 } = decodeJwt(first)
    expect(exp - iat).toBe(600)
    nowMs += 478_000
    await volumes.refresh(pod, facts)
    expect(await read(pod)).toBe(first)
    nowMs += 4_000
    await volumes.refresh(pod, facts)
    const second = await read(pod)
    expect(second).not.toBe(first)
    expect(decodeJwt(second).jti).not.toBe(decodeJwt(first).jti)
    expect((await review(second))?.user?.username).toBe('system:serviceaccount:default:web')
  })

  test('stays while the server gives no other, for as long as it is good', async () => {
    const pod = await createPod()
    await volumes.prepare(pod, facts)
    const first = await read(pod)
    await api.client.delete(serviceAccounts, { namespace, name: 'web' })
    nowMs += 500_000
    await volumes.refresh(pod, facts)
    expect(await read(pod)).toBe(first)
    expect(String(failures[0])).toContain('serviceaccounts "web" not found')
    nowMs += 101_000
    await expect(volumes.refresh(pod, facts)).rejects.toThrow('gives no token for service account default/web')
  })

  test('opens nothing any more when the pod is gone', async () => {
    const pod = await createPod()
    await volumes.prepare(pod, facts)
    const token = await read(pod)
    expect((await review(token))?.authenticated).toBe(true)
    await api.client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 })
    expect(await review(token)).toEqual({ user: {}, error: 'invalid bearer token' })
  })
})

describe('an agent', () => {
  const token = (pod: Stored<Pod>, uid = pod.metadata.uid) => ({
    spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid } },
  })
  const ask = (node: string, body: object) =>
    new HttpClient(api.as(agentOf(node))).createSubresource(serviceAccounts, { namespace, name: 'web' }, 'token', body)

  test('gets tokens that end with pods of its own node, and no others', async () => {
    const [own, foreign] = [await createPod('a'), await createPod('b')]
    await expect(ask('a', token(own))).resolves.toMatchObject({ status: { token: expect.any(String) } })
    await expect(ask('a', token(foreign))).rejects.toThrow('token bound to a pod scheduled on a different node')
    await expect(ask('a', { spec: {} })).rejects.toThrow('node requested token not bound to a pod')
    await expect(ask('a', token(own, ''))).rejects.toThrow('without a uid')
    await expect(ask('c', token(own))).rejects.toThrow("no relationship found between node 'c' and this object")
  })

  test('reads the Secrets that its own pods name, one by one', async () => {
    await createPod('a', { volumes: [{ name: 's', secret: { secretName: 'mine' } }] })
    await createPod('b', { volumes: [{ name: 's', secret: { secretName: 'theirs' } }] })
    for (const name of ['mine', 'theirs']) await api.client.create(secrets, { metadata: { name, namespace } })
    const agent = new HttpClient(api.as(agentOf('a')))
    expect((await objects.secret(namespace, 'mine'))?.metadata.name).toBe('mine')
    await expect(agent.get(secrets, { namespace, name: 'theirs' })).rejects.toSatisfy(isForbidden)
    await expect(agent.list(secrets, { namespace })).rejects.toThrow('No Object name found')
  })

  test('changes its own node, but not its taints, and the status of its own pods', async () => {
    const [own, foreign] = [await createPod('a'), await createPod('b')]
    const agent = new HttpClient(api.as(agentOf('a')))
    const merge = 'application/merge-patch+json'
    const labels = (label: string) => ({ metadata: { labels: { [label]: 'x' } } })
    await agent.patch(nodes, { name: 'a' }, merge, labels('color'))
    await expect(agent.patch(nodes, { name: 'b' }, merge, labels('color'))).rejects.toThrow(
      'nodes "b" is forbidden: node "a" is not allowed to modify node "b"',
    )
    await expect(
      agent.patch(nodes, { name: 'a' }, merge, labels('x.node-restriction.kubernetes.io/pci')),
    ).rejects.toThrow('is not allowed to modify labels: x.node-restriction.kubernetes.io/pci')
    const taints = [{ key: 'k', effect: 'NoSchedule' }]
    await expect(agent.patch(nodes, { name: 'a' }, merge, { spec: { taints } })).rejects.toThrow('modify taints')
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'gone', uid: 'gone' }]
    await expect(agent.patch(nodes, { name: 'a' }, merge, { metadata: { ownerReferences } })).rejects.toThrow(
      'node "a" is not allowed to modify ownerReferences',
    )
    await expect(agent.patch(nodes, { name: 'a' }, merge, { spec: { podCIDR: '10.244.9.0/24' } })).rejects.toThrow(
      'node "a" is not allowed to modify podCIDRs',
    )
    const status = { status: { phase: 'Running' } }
    const door = { subresource: 'status' }
    expect((await agent.patch(pods, own.metadata, merge, status, door)).status?.phase).toBe('Running')
    await expect(agent.patch(pods, foreign.metadata, merge, status, door)).rejects.toThrow(
      'node "a" can only update pod status for pods with spec.nodeName set to itself',
    )
    await expect(agent.patch(pods, own.metadata, merge, labels('color'))).rejects.toSatisfy(isForbidden)
    await expect(agent.delete(pods, foreign.metadata)).rejects.toThrow('can only delete pods')
    await agent.delete(pods, own.metadata, { gracePeriodSeconds: 0 })
  })
})
