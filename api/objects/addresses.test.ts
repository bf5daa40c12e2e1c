import { expect, test } from 'vitest'
import {
  canonicalAddress,
  canonicalRange,
  hostAddress,
  isAddress,
  isInRange,
  rangesOverlap,
  whyNotMachineAddress,
} from './addresses.ts'

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

test.each(['10.0.0.256', '010.0.0.1', 'fd00::2%eth0', 'fe80::1%1', '10.0.0.0/8', 'node-1', ''])(
  '%s is no address',
  (text) => {
    expect(isAddress(text)).toBe(false)
    expect(whyNotMachineAddress(text)).toMatch('must be a valid IP address')
  },
)

test.each([
  ['0.0.0.0', 'unspecified'],
  ['0::', 'unspecified'],
  ['127.1.2.3', 'loopback'],
  ['0:0::1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['169.254.169.254', 'link-local range'],
  ['FEBF::1', 'link-local range'],
  ['224.0.0.251', 'link-local multicast'],
  ['ff02::1', 'link-local multicast'],
])('%s is no address of a machine: %s', (text, why) => {
  expect(isAddress(text)).toBe(true)
  expect(whyNotMachineAddress(text)).toMatch(why)
})

test.each(['198.51.100.1', '0.0.0.1', '224.0.1.1', '::2', 'fec0::1', '::ffff:192.0.2.1'])(
  '%s may be a machine',
  (text) => {
    expect(whyNotMachineAddress(text)).toBeUndefined()
  },
)
