import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from './json.ts'
import { applyMergePatch, createMergePatch } from './merge-patch.ts'

// The table of RFC 7386 appendix A, as far as the patch is an object.
test.each<[unknown, unknown, unknown]>([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('%j patched by %j is %j', (target, patch, expected) => {
  const before = structuredClone(target)
  expect(applyMergePatch(target, patch)).toEqual(expected)
  expect(target).toEqual(before)
})

test('a patch that is no object is a bad request', () => {
  expect(() => applyMergePatch({}, ['a'])).toThrow('must be a JSON object')
})

test('the created patch leads from any object without nulls to any other', () => {
  const value = fc.letrec((tie) => ({
    node: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.array(fc.integer(), { maxLength: 2 }), tie('object')),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('node')),
  }))
  const object = value.object as fc.Arbitrary<JsonObject>
  fc.assert(
    fc.property(object, object, (before, after) => {
      expect(applyMergePatch(before, createMergePatch(before, after))).toEqual({ ...after })
    }),
  )
})
