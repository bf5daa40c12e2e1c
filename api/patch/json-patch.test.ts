import { expect, test } from 'vitest'
import { StatusError } from '../objects/status-error.ts'
import { applyJsonPatch } from './json-patch.ts'

// Cases after RFC 6902 appendix A and the rules of sections 4.1 to 4.6.
test.each<[string, unknown, unknown[], unknown]>([
  ['A.1 adds a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
  ['A.2 adds an array element', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
  ['A.3 removes a member', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
  ['A.4 removes an array element', { a: [1, 2, 3] }, [{ op: 'remove', path: '/a/1' }], { a: [1, 3] }],
  ['A.5 replaces a value', { a: 1 }, [{ op: 'replace', path: '/a', value: null }], { a: null }],
  ['A.6 moves a value', { a: { x: 1 }, b: {} }, [{ op: 'move', from: '/a/x', path: '/b/y' }], { a: {}, b: { y: 1 } }],
  ['A.7 moves an array element', { a: [1, 2, 3] }, [{ op: 'move', from: '/a/0', path: '/a/2' }], { a: [2, 3, 1] }],
  ['A.8 tests values', { a: [1, { b: 2 }] }, [{ op: 'test', path: '/a/1', value: { b: 2 } }], { a: [1, { b: 2 }] }],
  ['A.10 adds a nested member', {}, [{ op: 'add', path: '/a', value: { b: 1 } }], { a: { b: 1 } }],
  ['A.14 reads ~ escapes', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  ['A.16 appends at -', { a: [1] }, [{ op: 'add', path: '/a/-', value: [2] }], { a: [1, [2]] }],
  [
    'copies without sharing',
    { a: [1] },
    [
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/b/-', value: 2 },
    ],
    { a: [1], b: [1, 2] },
  ],
  ['replaces the whole document', { a: 1 }, [{ op: 'replace', path: '', value: [] }], []],
  ['adds under an empty key', {}, [{ op: 'add', path: '/', value: 1 }], { '': 1 }],
])('%s', (_, document, patch, expected) => {
  const before = structuredClone(document)
  expect(applyJsonPatch(document, patch)).toEqual(expected)
  expect(document).toEqual(before)
})

test.each<[unknown, unknown, number]>([
  [{}, { op: 'add' }, 400],
  [{}, [{ op: 'grow', path: '/a' }], 400],
  [{}, [{ op: 'add', path: '/a' }], 400],
  [{}, [{ op: 'add', path: 'a', value: 1 }], 400],
  [{}, [{ op: 'remove', path: '/a~2' }], 400],
  [{}, [{ op: 'move', path: '/a' }], 400],
  [{}, [{ op: 'remove', path: '/a' }], 422],
  [{}, [{ op: 'replace', path: '/a', value: 1 }], 422],
  [{}, [{ op: 'add', path: '/a/b', value: 1 }], 422],
  [{ a: [1] }, [{ op: 'add', path: '/a/2', value: 1 }], 422],
  [{ a: [1] }, [{ op: 'add', path: '/a/01', value: 1 }], 422],
  [{ a: [1] }, [{ op: 'remove', path: '/a/-' }], 422],
  [{ a: 1 }, [{ op: 'test', path: '/a', value: '1' }], 422],
  [{ a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/b/c' }], 422],
  [{}, [{ op: 'test', path: '/toString', value: 1 }], 422],
])('%j refuses %j with %d', (document, patch, code) => {
  let thrown: unknown
  try {
    applyJsonPatch(document, patch)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(StatusError)
  expect(thrown).toHaveProperty('status.code', code)
})

test('copies that double the document over and over are refused', () => {
  const patch = Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '/a', path: `/a/${index}` }))
  expect(() => applyJsonPatch({ a: { b: 'c' } }, patch)).toThrow('Request entity too large')
})

test('a key named __proto__ is a key like any other', () => {
  const patched = applyJsonPatch({}, JSON.parse('[{"op":"add","path":"/__proto__","value":{"polluted":true}}]'))
  expect(JSON.stringify(patched)).toBe('{"__proto__":{"polluted":true}}')
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
})
