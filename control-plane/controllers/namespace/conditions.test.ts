import { expect, test } from 'vitest'
import { makeConditions } from './conditions.ts'

const pods = { resource: 'pods.', count: 2, finalizers: { 'example.org/wait': 1 } }
const claims = { resource: 'configmaps.', count: 1, finalizers: { 'example.org/wait': 1 } }

test('a namespace says what is left in it and what that waits for', () => {
  const said = Object.fromEntries(
    makeConditions([], [pods, claims], [], 0).map((condition) => [condition.type, condition]),
  )
  expect(said.NamespaceContentRemaining).toMatchObject({
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: 'Some resources are remaining: configmaps. has 1 resource instances, pods. has 2 resource instances',
  })
  expect(said.NamespaceFinalizersRemaining).toMatchObject({
    status: 'True',
    message: 'Some content in the namespace has finalizers remaining: example.org/wait in 2 resource instances',
  })
  expect(said.NamespaceDeletionContentFailure?.status).toBe('False')
})

test('times move only with what is said', () => {
  const before = makeConditions([], [pods], [], 0)
  const after = makeConditions(before, [], ['cannot delete pods: no'], 60_000)
  const times = after.map(({ type, status, lastTransitionTime }) => `${type} ${status} ${lastTransitionTime}`)
  expect(times).toEqual([
    'NamespaceDeletionDiscoveryFailure False 1970-01-01T00:00:00Z',
    'NamespaceDeletionGroupVersionParsingFailure False 1970-01-01T00:00:00Z',
    'NamespaceDeletionContentFailure True 1970-01-01T00:01:00Z',
    'NamespaceContentRemaining False 1970-01-01T00:01:00Z',
    'NamespaceFinalizersRemaining False 1970-01-01T00:01:00Z',
  ])
})
