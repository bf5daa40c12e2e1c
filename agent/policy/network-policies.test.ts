import { afterEach, expect, test } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { networkPolicies } from '../../api/resources/network-policies.ts'
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
async function start() {
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
    attached: async () => [],
    onError: (error) => errors.push(String(error)),
  })
  return { backend, errors, policies, ended: policies.run(stop.signal) }
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
