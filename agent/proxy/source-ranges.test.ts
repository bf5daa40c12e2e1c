import { expect, test } from 'vitest'
import { toSourceRanges } from './source-ranges.ts'

test.each([
  ['apart', ['10.0.0.0/8', '192.168.1.0/24'], ['10.0.0.0/8', '192.168.1.0/24']],
  ['one within another', ['10.1.0.0/16', '10.0.0.0/8', '10.9.0.0/16'], ['10.0.0.0/8']],
  ['one, written in three ways', ['10.1.2.3/8', '10.0.0.0/08', ' 10.0.0.0/8 '], ['10.0.0.0/8']],
  ['an address within a range', ['203.0.113.7/32', '203.0.113.0/24'], ['203.0.113.0/24']],
  [
    'IPv6, one within another',
    ['2001:db8::/32', '2001:db8:1::/48', '2001:db9::/32'],
    ['2001:db8::/32', '2001:db9::/32'],
  ],
  ['everything beside something', ['0.0.0.0/0', '10.0.0.0/8'], []],
  ['none', [], []],
])('source ranges that are %s', (_, ranges, expected) => {
  expect(toSourceRanges(ranges)).toEqual(expected)
})
