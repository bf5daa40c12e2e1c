import { expect, test } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { ObjectMeta } from '../../api/generated/types.ts'
import { toSelector } from '../../api/objects/selectors.ts'
import { pods } from '../../api/resources/pods.ts'
import { replicaSets } from '../../api/resources/replica-sets.ts'
import { adopt, planClaims } from './ownership.ts'

const client = new FakeClient()
const selector = toSelector({ matchLabels: { app: 'web' } })
const reference = (uid: string) => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, controller: true })
const makeSet = (name: string) =>
  client.create(replicaSets, {
    metadata: { namespace: 'default', name },
    spec: { selector: { matchLabels: { app: 'web' } } },
  })
const makePod = (metadata: ObjectMeta) =>
  client.create(pods, { metadata: { namespace: 'default', ...metadata }, spec: { containers: [] } })

test('orphans that match are adopted, own pods that match no longer are released, those of others are left alone', async () => {
  const set = await makeSet('web')
  const labels = { app: 'web' }
  const candidates = [
    await makePod({ name: 'own', labels, ownerReferences: [reference(set.metadata.uid)] }),
    await makePod({ name: 'renamed', labels: { app: 'db' }, ownerReferences: [reference(set.metadata.uid)] }),
    await makePod({ name: 'orphan', labels }),
    await makePod({ name: 'stranger', labels: { app: 'db' } }),
    await makePod({ name: 'of another', labels, ownerReferences: [reference('other')] }),
  ]
  const { owned, adopt: orphans, release } = planClaims(set, selector, candidates)
  const names = [owned, orphans, release].map((objects) => objects.map(({ metadata }) => metadata.name))
  expect(names).toEqual([['own'], ['orphan'], ['renamed']])
})

test('a set that was deleted and made anew meanwhile adopts nothing in the name of the old one', async () => {
  const old = await makeSet('again')
  await client.delete(replicaSets, old.metadata)
  await makeSet('again')
  const orphan = await makePod({ name: 'left', labels: { app: 'web' } })
  expect(await adopt(client, { resource: replicaSets, object: old }, pods, [orphan])).toEqual([])
  expect((await client.get(pods, orphan.metadata)).metadata.ownerReferences).toBeUndefined()
})
