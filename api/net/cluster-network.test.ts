import { expect, test } from 'vitest'
import { dnsAddressOf } from './cluster-network.ts'

test("the cluster's DNS is the tenth address of the Services", () => {
  expect(['10.96.0.0/16', '10.11.4.0/24', 'fd00:11::/112', '10.96.0.0/16,fd00::/112'].map(dnsAddressOf)).toEqual([
    '10.96.0.10',
    '10.11.4.10',
    'fd00:11::a',
    '10.96.0.10',
  ])
})

test('a range without a tenth address is refused with what to do', () => {
  expect(() => dnsAddressOf('10.96.0.248/29')).toThrow(
    "--service-cidr: 10.96.0.248/29 has no address 10 after its first, which the cluster's DNS server would have: " +
      'take a range of 16 addresses at least, or give its address with --cluster-dns',
  )
})
