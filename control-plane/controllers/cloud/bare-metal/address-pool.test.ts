import { expect, test } from 'vitest'
import { AddressPool } from './address-pool.ts'

test('addresses are given out in order, each once, over all ranges of the family', () => {
  const pool = new AddressPool(['192.0.2.200-192.0.2.201', '192.0.2.64/31', '2001:db8::10-2001:db8::10'])
  const given = ['a', 'b', 'c', 'd', 'e'].map((owner) => pool.pick('IPv4', owner))
  expect(given).toEqual(['192.0.2.200', '192.0.2.201', '192.0.2.64', '192.0.2.65', undefined])
  expect([pool.pick('IPv6', 'a'), pool.pick('IPv6', 'b')]).toEqual(['2001:db8::10', undefined])
})

test('a returned address rests while others are free', () => {
  const pool = new AddressPool(['192.0.2.200-192.0.2.202'])
  pool.pick('IPv4', 'a')
  pool.release('a')
  expect([pool.pick('IPv4', 'b'), pool.pick('IPv4', 'c'), pool.pick('IPv4', 'd')]).toEqual([
    '192.0.2.201',
    '192.0.2.202',
    '192.0.2.200',
  ])
})

test('an address has one owner, however it is written', () => {
  const pool = new AddressPool(['2001:db8::/120'])
  expect(pool.take('2001:db8:0::1', 'a')).toBe(true)
  expect(pool.take('2001:db8::1', 'a')).toBe(true)
  expect(pool.take('2001:db8::1', 'b')).toBe(false)
  expect(pool.ownerOf('2001:db8::1')).toBe('a')
  expect(pool.has('2001:db9::1')).toBe(false)
})

test.each(['192.0.2.9-192.0.2.1', '192.0.2.1-2001:db8::1', 'pool', '192.0.2.0/33', '192.0.2.1-'])(
  '"%s" is no range',
  (range) => {
    expect(() => new AddressPool([range])).toThrow(`"${range}"`)
  },
)
