import { expect, test } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import { serviceAccounts } from '../../api/resources/service-accounts.ts'
import { WatchedObjects } from './watched-objects.ts'

const hourMs = 3_600_000

test.each([
  ['an hour', 1, 0.79, 0.81],
  ['a week', 168, 23.9, 24.1],
])('a token for %s is renewed after four fifths of its life, or after a day', async (_, hours, freshAt, oldAt) => {
  const startMs = Date.parse('2026-01-01T00:00:00Z')
  let nowMs = startMs
  let given = 0
  const client = new FakeClient()
  await client.create(serviceAccounts, { metadata: { name: 'web', namespace: 'default' } })
  client.onSubresource(serviceAccounts, 'token', () => {
    const expirationTimestamp = new Date(nowMs + hours * hourMs).toISOString()
    return { status: { token: `token ${++given}`, expirationTimestamp } }
  })
  const objects = new WatchedObjects({ client, onChange: () => {}, onError: () => {}, now: () => nowMs })
  const pod = { name: 'web', uid: 'uid-1' }
  const tokenAt = async (atHours: number) => {
    nowMs = startMs + atHours * hourMs
    const request = { namespace: 'default', serviceAccountName: 'web', expirationSeconds: hours * 3600, pod }
    return (await objects.serviceAccountToken(request)).token
  }
  expect([await tokenAt(0), await tokenAt(freshAt), await tokenAt(oldAt)]).toEqual(['token 1', 'token 1', 'token 2'])
})
