import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PolicyRule } from '../../../api/generated/types.ts'
import { ruleAllows, uncovered } from './policy-rule.ts'
import type { Attributes } from './request-attributes.ts'

const some = (words: string[]) => fc.subarray(words, { minLength: 1 })
const rules: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({
    verbs: some(['get', 'list', '*']),
    apiGroups: some(['', 'apps', '*']),
    resources: some(['pods', 'pods/log', '*/log', '*']),
    resourceNames: fc.subarray(['x', 'y']),
  }),
  fc.record({ verbs: some(['get', '*']), nonResourceURLs: some(['/a', '/a/*', '/b/c', '*']) }),
)
const requests: fc.Arbitrary<Attributes> = fc.oneof(
  fc.record({
    verb: fc.constantFrom('get', 'list', 'watch'),
    group: fc.constantFrom('', 'apps', 'other'),
    namespace: fc.constant('n'),
    resource: fc.constantFrom('pods', 'nodes'),
    subresource: fc.constantFrom('', 'log', 'exec'),
    name: fc.constantFrom('', 'x', 'y', 'z'),
  }),
  fc.record({ verb: fc.constantFrom('get', 'put'), path: fc.constantFrom('/a', '/a/b', '/b/c', '/d') }),
)

test('who holds all of some rules is allowed whatever these rules allow', () => {
  fc.assert(
    fc.property(fc.array(rules), fc.array(rules), requests, (held, wanted, request) => {
      const isAllowed = (list: PolicyRule[]) => list.some((rule) => ruleAllows(rule, request))
      fc.pre(uncovered(held, wanted).length === 0)
      expect(isAllowed(held) || !isAllowed(wanted)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('everybody holds what they have, and who holds everything holds all', () => {
  const everything = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]
  fc.assert(
    fc.property(fc.array(rules), (wanted) => {
      expect(uncovered(wanted, wanted)).toEqual([])
      expect(uncovered(everything, wanted)).toEqual([])
    }),
  )
})

test('what is missing is named one by one', () => {
  const held = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['x'] }]
  const wanted = [{ verbs: ['get'], apiGroups: [''], resources: ['pods', 'pods/log'] }]
  expect(uncovered(held, wanted)).toEqual([
    { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
    { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] },
  ])
})
