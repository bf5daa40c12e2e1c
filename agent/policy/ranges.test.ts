import { BlockList } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatRange, join, type Range, subtract, toRange } from './ranges.ts'

const small = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 8 }))
  .map(([first, size]): Range => ({ first: BigInt(first), last: BigInt(first + size) }))
const holds = (ranges: Range[], value: bigint) => ranges.some(({ first, last }) => value >= first && value <= last)
const numbers = Array.from({ length: 60 }, (_, index) => BigInt(index))

test('what is left after holes is exactly what is in a range and in no hole', () => {
  fc.assert(
    fc.property(fc.array(small), fc.array(small), (ranges, holes) => {
      const left = subtract(ranges, holes)
      for (const value of numbers) expect(holds(left, value)).toBe(holds(ranges, value) && !holds(holes, value))
    }),
  )
})

test('joined ranges hold the same, in order, and do not touch', () => {
  fc.assert(
    fc.property(fc.array(small), (ranges) => {
      const joined = join(ranges)
      for (const value of numbers) expect(holds(joined, value)).toBe(holds(ranges, value))
      for (const [index, { first }] of joined.entries())
        expect(first).toBeGreaterThan((joined[index - 1]?.last ?? -2n) + 1n)
    }),
  )
})

test.each([
  ['10.9.8.7/24', '10.9.8.0/24'],
  ['10.0.0.1/32', '10.0.0.1'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['fd00:0:0:1::5/64', 'fd00:0:0:1::/64'],
  ['::/0', '::/0'],
])('%s is written as nft has it: %s', (cidr, text) => {
  expect(formatRange(toRange(cidr), cidr.includes(':') ? 'ipv6' : 'ipv4')).toBe(text)
})

test('a block with a hole has the addresses that it should, for both families', () => {
  for (const [outer, inner, family] of [
    ['10.0.0.0/8', '10.1.0.0/16', 'ipv4'],
    ['fd00::/16', 'fd00:1::/32', 'ipv6'],
  ] as const) {
    const texts = subtract([toRange(outer)], [toRange(inner)]).map((range) => formatRange(range, family))
    const list = new BlockList()
    for (const text of texts) {
      const [first = '', last] = text.split('-')
      const [address = '', length = '0'] = first.split('/')
      if (last === undefined) list.addSubnet(address, Number(length), family)
      else list.addRange(first, last, family)
    }
    const inHole = family === 'ipv4' ? '10.1.2.3' : 'fd00:1::3'
    const beside = family === 'ipv4' ? '10.2.0.0' : 'fd00:2::'
    expect([list.check(inHole, family), list.check(beside, family)]).toEqual([false, true])
  }
})
