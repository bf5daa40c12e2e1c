import { afterEach, expect, test, vi } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { networkPolicies } from '../../api/resources/network-policies.ts'
import { pods } from '../../api/resources/pods.ts'
import type { AttachedSandbox } from './attached-pods.ts'
import type { PolicyBackend } from './backend.ts'
import { NetworkPolicies } from './network-policies.ts'
import type { WantedPod } from './table.ts'

let stop = new AbortController()
afterEach(() => {
  stop.abort()
  stop = new AbortController()
})

/** Keeps in memory what it is told of pods; a write fails while `broken` says why. */
class MemoryBackend implements PolicyBackend {
  readonly pods = new Map<string, WantedPod | undefined>()
  broken: string | undefined

  async apply({ pods }: { pods: Map<string, WantedPod | undefined> }): Promise<void> {
    await this.resync()
    for (const [key, pod] of pods) this.pods.set(key, pod)
  }

  async resync(): Promise<void> {
    if (this.broken !== undefined) throw new Error(this.broken)
  }

  async verify(): Promise<[]> {
    return []
  }
}

/** In a cluster that isolates all pods of the namespace. */
async function start(attached: AttachedSandbox[] = []) {
  const client = new FakeClient()
  await client.create(networkPolicies, {
    metadata: { name: 'deny', namespace: 'default' },
    spec: { podSelector: {} },
  })
  const backend = new MemoryBackend()
  const errors: string[] = []
  const policies = new NetworkPolicies({
    client,
    nodeName: 'node-1',
    backend,
    attached: async () => [...attached],
    onError: (error) => errors.push(String(error)),
  })
  return { client, backend, errors, policies, ended: policies.run(stop.signal) }
}

const web: Stored<Pod> = {
  metadata: { name: 'web', namespace: 'default', uid: '1', resourceVersion: '1', creationTimestamp: '' },
  spec: { nodeName: 'node-1', containers: [] },
}
const admission = { sandboxId: 'sandbox', pod: web, ips: ['10.0.0.7'] }

test('a pod is admitted when its rules are written, before the API server knows of its address', async () => {
  const { backend, policies } = await start()
  await policies.admit(admission)
  expect(backend.pods.get('default/web')?.ips).toEqual(['10.0.0.7'])
})

test('a pod whose rules cannot be written is refused with the reason, and admitted at the next attempt', async () => {
  const { backend, policies, errors } = await start()
  backend.broken = 'no nft here'
  await expect(policies.admit(admission)).rejects.toThrow('no nft here')
  expect(errors).toContain('Error: no nft here')
  backend.broken = undefined
  await policies.admit(admission)
})

test('a pod that asks when the agent stops is refused, as nobody will write its rules', async () => {
  const { policies, ended } = await start()
  await policies.admit(admission)
  stop.abort()
  await ended
  await expect(policies.admit(admission)).rejects.toThrow('the agent stops')
})

test('a pod is judged by its own labels while another of its name is still known', async () => {
  const { client, backend, policies } = await start()
  const { metadata, spec } = web
  const labelled = (app: string) => ({ metadata: { name: 'web', namespace: 'default', labels: { app } }, spec })
  await client.create(networkPolicies, {
    metadata: { name: 'of-new', namespace: 'default' },
    spec: { podSelector: { matchLabels: { app: 'new' } } },
  })
  const old = await client.create(pods, labelled('old'))
  const resourceVersion = String(Number(old.metadata.resourceVersion) + 1)
  await policies.admit({
    ...admission,
    pod: { spec, metadata: { ...metadata, resourceVersion, labels: { app: 'new' } } },
  })
  expect(backend.pods.get('default/web')?.isolation.ingress).toContain('default/of-new')
  await client.delete(pods, { namespace: 'default', name: 'web' })
  await client.create(pods, labelled('newer'))
  await vi.waitFor(() => expect(backend.pods.get('default/web')?.isolation.ingress).toEqual(['default/deny']))
})

test('a sandbox that went without a word is forgotten with the next comparison', async () => {
  const attached = [{ sandboxId: 'left', podKey: 'default/web', ips: ['10.0.0.7'] }]
  const { client, backend, policies } = await start(attached)
  const spec = { nodeName: 'node-2', containers: [] }
  const status = { podIP: '10.0.9.9' }
  await client.create(pods, { metadata: { name: 'web', namespace: 'default' }, spec, status })
  await vi.waitFor(() => expect(backend.pods.get('default/web')?.ips).toEqual(['10.0.0.7', '10.0.9.9']))
  attached.pop()
  policies.resync()
  // Then it is a pod of another node, which no policy names.
  await vi.waitFor(() => expect(backend.pods.get('default/web')).toBeUndefined())
})
