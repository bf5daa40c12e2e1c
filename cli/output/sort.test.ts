import { expect, test } from 'vitest'
import { readRelaxedPath } from './json-path/json-path.ts'
import { sortByPath } from './sort.ts'

const sort = (values: unknown[]) =>
  sortByPath(
    values.map((value) => (value === undefined ? {} : { v: value })),
    readRelaxedPath('.v'),
    (item) => item,
  ).map(({ v }) => v)

test.each([
  ['numbers by size', [10, 9, 1.5], [1.5, 9, 10]],
  ['texts by the numbers in them', ['web-10', 'web-2', 'db', 'web'], ['db', 'web', 'web-2', 'web-10']],
  ['amounts by what they mean', ['1Gi', '500Mi', '2G'], ['500Mi', '1Gi', '2G']],
  ['times by age', ['2026-02-01T00:00:00Z', '2025-12-31T23:59:59Z'], ['2025-12-31T23:59:59Z', '2026-02-01T00:00:00Z']],
  ['missing ones first', ['b', undefined, 'a'], [undefined, 'a', 'b']],
  ['nothing as nothing', [], []],
])('%s', (_, values, expected) => {
  expect(sort(values)).toEqual(expected)
})

test('a field that no object has is a mistake', () => {
  expect(() => sort([undefined, undefined])).toThrow('--sort-by: no object has a field {.v}')
})

test('what has no order is refused', () => {
  expect(() => sort(['a', 1])).toThrow('only texts and numbers have an order')
  expect(() => sort([true, false])).toThrow('{.v} is ')
})
