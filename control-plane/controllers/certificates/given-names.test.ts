import { expect, test } from 'vitest'
import { GivenNames } from './given-names.ts'

test('a name is given to one request, and to another only a minute later', () => {
  const names = new GivenNames()
  expect([names.give('a', 'one', 0), names.give('a', 'one', 30_000), names.give('b', 'two', 40_000)]).toEqual(
    Array(3).fill(undefined),
  )
  expect(names.give('a', 'two', 59_000)).toBe(
    'node "a" was given to another host 59 s ago: give this host another name, or, if it is the same one, try again in 60 s',
  )
  expect(names.give('a', 'two', 60_000)).toBeUndefined()
  expect(names.give('a', 'one', 60_000)).toContain('was given to another host 0 s ago')
  expect(names.give('b', 'one', 60_000)).toContain('was given to another host 20 s ago')
})
