import { expect, test } from 'vitest'
import { CidrSet } from './cidr-set.ts'

test('parts of a range are given out in order, each once, until there are none', () => {
  const set = new CidrSet('10.244.0.0/22', 24)
  const given = [set.allocate(), set.allocate(), set.allocate(), set.allocate(), set.allocate()]
  expect(given).toEqual(['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24', undefined])
})

test('a part that a node has already is not given out', () => {
  const set = new CidrSet('10.244.0.0/23', 24)
  expect(set.occupy('10.244.0.0/24')).toBe(true)
  expect(set.occupy('10.244.0.0/24')).toBe(false)
  expect(set.allocate()).toBe('10.244.1.0/24')
  expect(set.allocate()).toBeUndefined()
})

test('a returned part rests while others are free, and is found again', () => {
  const set = new CidrSet('10.244.0.0/22', 24)
  const first = set.allocate() ?? ''
  set.release(first)
  expect([set.allocate(), set.allocate(), set.allocate(), set.allocate()]).toEqual([
    '10.244.1.0/24',
    '10.244.2.0/24',
    '10.244.3.0/24',
    '10.244.0.0/24',
  ])
})

test('ranges of other sizes, families and places are no parts', () => {
  const set = new CidrSet('10.244.0.0/16', 24)
  expect(
    ['10.244.0.0/25', '10.245.0.0/24', '10.243.255.0/24', 'fd00::/24', 'x'].filter((cidr) => set.occupy(cidr)),
  ).toEqual([])
})

test('IPv6 ranges are cut too, and one smaller than a part is refused', () => {
  const set = new CidrSet('fd00:10:244::/56', 64)
  expect([set.allocate(), set.allocate()]).toEqual(['fd00:10:244::/64', 'fd00:10:244:1::/64'])
  expect(() => new CidrSet('10.244.0.0/26', 24)).toThrow('cannot cut 10.244.0.0/26')
})
