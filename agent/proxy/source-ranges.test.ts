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
  expect(toSourceRanges(ranges, { nodeIps: [], loadBalancerIps: ['198.18.0.1'] })).toEqual(expected)
})

test.each([
  ['named', ['192.0.2.11/32'], ['192.0.2.11/32', '198.18.0.1/32']],
  ['within one', ['192.0.2.0/24'], ['192.0.2.0/24', '198.18.0.1/32']],
  ['within one that holds the address too', ['128.0.0.0/1'], ['128.0.0.0/1']],
  ['in none', ['192.0.2.12/32'], ['192.0.2.12/32']],
  ['free to come as everybody is', [], []],
])('with a node that is %s, its own connections to the address are as its others', (_, ranges, expected) => {
  const doorkeeper = { nodeIps: ['192.0.2.11', '2001:db8::11'], loadBalancerIps: ['198.18.0.1'] }
  expect(toSourceRanges(ranges, doorkeeper)).toEqual(expected)
})

test('IPv6 addresses of a node count as those of IPv4', () => {
  const doorkeeper = { nodeIps: ['192.0.2.11', '2001:db8::11'], loadBalancerIps: ['2001:db8:ffff::1'] }
  expect(toSourceRanges(['2001:db8::/64'], doorkeeper)).toEqual(['2001:db8::/64', '2001:db8:ffff::1/128'])
})
