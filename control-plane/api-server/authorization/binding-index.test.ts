import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RbacSubject } from '../../../api/generated/types.ts'
import type { User } from '../exchange.ts'
import { type Binding, BindingIndex, subjectFor } from './binding-index.ts'

const names = fc.constantFrom('a', 'b', 'c')
const subjects: fc.Arbitrary<RbacSubject> = fc.oneof(
  fc.record({ kind: fc.constantFrom('User', 'Group'), name: names }),
  fc.record({ kind: fc.constant('ServiceAccount'), name: names, namespace: fc.option(names, { nil: undefined }) }),
)
const users: fc.Arbitrary<User> = fc.record({
  name: fc.oneof(
    names,
    fc.tuple(names, names).map(([namespace, name]) => `system:serviceaccount:${namespace}:${name}`),
  ),
  groups: fc.uniqueArray(names),
})
/** What a binding becomes; undefined: it goes. */
const changes = fc.array(
  fc.record({ name: names, namespace: names, subjects: fc.option(fc.array(subjects), { nil: undefined }) }),
)

test('whatever came, changed and went, a user finds the bindings that name it, and no others', () => {
  fc.assert(
    fc.property(changes, users, names, (steps, user, namespace) => {
      const index = new BindingIndex()
      const all = new Map<string, Binding>()
      for (const step of steps) {
        const uid = `${step.namespace}/${step.name}`
        const now = step.subjects && makeBinding(uid, step.namespace, step.subjects)
        index.change(all.get(uid), now)
        if (now === undefined) all.delete(uid)
        else all.set(uid, now)
      }
      const expected = [...all.values()].filter(
        (binding) => binding.metadata.namespace === namespace && subjectFor(binding, user) !== undefined,
      )
      expect(new Set(index.find(user, namespace))).toEqual(new Set(expected))
    }),
  )
})

test('a service account without a namespace is one of the namespace of the binding', () => {
  const index = new BindingIndex()
  index.reset([makeBinding('b', 'shop', [{ kind: 'ServiceAccount', name: 'web' }])])
  const find = (name: string) => [...index.find({ name, groups: [] }, 'shop')].length
  expect([find('system:serviceaccount:shop:web'), find('system:serviceaccount:other:web'), find('web')]).toEqual([
    1, 0, 0,
  ])
})

function makeBinding(uid: string, namespace: string, subjects: RbacSubject[]): Binding {
  const metadata = { name: uid, namespace, uid, resourceVersion: '1', creationTimestamp: '' }
  return { metadata, roleRef: { kind: 'Role', name: 'r' }, subjects }
}
