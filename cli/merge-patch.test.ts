import { expect, test } from 'vitest'
import { createMergePatch } from './merge-patch.ts'

test.each([
  ['nothing to do', { a: 1 }, { a: 1 }, { a: 1, status: 'x' }, {}],
  ['a changed field', { a: 1 }, { a: 2 }, { a: 1 }, { a: 2 }],
  ['a field that left the manifest', { a: 1, b: 1 }, { a: 1 }, { a: 1, b: 1 }, { b: null }],
  ['a field that others set stays', { a: 1 }, { a: 1 }, { a: 1, other: 1 }, {}],
  ['a field that left the manifest and is gone already', { b: 1 }, {}, {}, {}],
  ['inner fields', { s: { a: 1, b: 1 } }, { s: { a: 2 } }, { s: { a: 1, b: 1, c: 1 } }, { s: { a: 2, b: null } }],
  ['lists are replaced', { l: [1] }, { l: [1, 2] }, { l: [1, 3] }, { l: [1, 2] }],
  ['never applied before', {}, { a: 1 }, { b: 1 }, { a: 1 }],
])('%s', (_, original, modified, current, patch) => {
  expect(createMergePatch(original, modified, current)).toEqual(patch)
})
