import { expect, test } from 'vitest'
import { addressAt } from './address-range.ts'

test.each([
  ['10.96.0.0/16', 10, '10.96.0.10'],
  ['10.96.3.7/16', 1, '10.96.0.1'],
  ['10.96.0.0/16', 65_535, '10.96.255.255'],
  ['10.96.0.248/29', 7, '10.96.0.255'],
  ['10.0.0.0/8', 256, '10.0.1.0'],
  ['fd00:1::/112', 10, 'fd00:1::a'],
  ['fd00:1::/64', 70_000, 'fd00:1::1:1170'],
])('of %s, number %i is %s', (range, index, expected) => {
  expect(addressAt(range, index)).toBe(expected)
})

test.each([
  ['10.96.0.248/29', 10],
  ['10.96.0.0/32', 1],
  ['fd00::/126', 4],
])('%s has no number %i', (range, index) => {
  expect(() => addressAt(range, index)).toThrow(`${range} has no address ${index} after its first`)
})
