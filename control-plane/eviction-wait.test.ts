import { expect, test } from 'vitest'
import type { Pod } from '../api/generated/types.ts'
import { resources } from '../api/resources/table.ts'
import { withEvictionWait } from './eviction-wait.ts'

test('new pods wait for the time asked for, but as long as they want where they say so', () => {
  const own = { key: 'node.kubernetes.io/not-ready', operator: 'Exists' as const, tolerationSeconds: 60 }
  const pod: Pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'app' }], tolerations: [own] } }
  const table = withEvictionWait(resources, 10)
  table.find(({ kind }) => kind === 'Pod')?.prepareForCreate?.(pod)
  expect(pod.spec?.tolerations).toMatchObject([
    { key: 'node.kubernetes.io/not-ready', tolerationSeconds: 60 },
    { key: 'node.kubernetes.io/unreachable', tolerationSeconds: 10 },
  ])
  expect(table).toHaveLength(resources.length)
})
