import { expect, test } from 'vitest'
import { canonicalAddress, canonicalRange, hostAddress, isInRange, rangesOverlap } from './addresses.ts'

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['fd00:0:0::1', 'fd00::1'],
  ['FD00::A:0:0:1', 'fd00::a:0:0:1'],
])('the address %s is %s', (address, expected) => {
  expect(canonicalAddress(address)).toBe(expected)
})

test.each([
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['FD00::1', 'fd00::1'],
  ['node-1', undefined],
])('the host of %s is %s', (address, expected) => {
  expect(hostAddress(address)).toBe(expected)
})

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.0.0.0/08', '10.0.0.0/8'],
  ['192.0.2.7/32', '192.0.2.7/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['2001:db8:0::ff/64', '2001:db8::/64'],
  ['::1/0', '::/0'],
])('the range %s is %s', (range, expected) => {
  expect(canonicalRange(range)).toBe(expected)
})

test.each([
  ['10.0.0.255', '10.0.0.0/24', true],
  ['10.0.1.0', '10.0.0.0/24', false],
  ['10.0.0.1', '10.0.0.77/24', true],
  ['fd00::1', 'fd00::/64', true],
  ['fd00::1', '0.0.0.0/0', false],
])('%s is of %s: %s', (address, range, expected) => {
  expect(isInRange(address, range)).toBe(expected)
})

test.each([
  ['10.0.0.0/8', '10.244.0.0/16', true],
  ['10.244.0.0/16', '10.0.0.0/8', true],
  ['10.96.0.0/16', '10.244.0.0/16', false],
  ['0.0.0.0/0', '192.0.2.1/32', true],
  ['fd00::/48', 'fd00:0:0:1::/64', true],
  ['0.0.0.0/0', '::/0', false],
])('%s and %s overlap: %s', (a, b, expected) => {
  expect(rangesOverlap(a, b)).toBe(expected)
})

test.each(['', 'web', '10.0.0.0/33', '10.0.0.1'])('"%s" is no range', (text) => {
  expect(() => canonicalRange(text)).toThrow()
})
