import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  isQuantity,
  parseQuantity,
  subtractQuantities,
  toBytes,
  toMilli,
} from './quantity.ts'

test.each([
  ['250m', '250m', 250],
  ['1.5', '1500m', 1500],
  ['0.5', '500m', 500],
  ['1000m', '1', 1000],
  ['2', '2', 2000],
  ['1e3', '1e3', 1_000_000],
  ['1E', '1E', 1e21],
  ['100k', '100k', 1e8],
  ['-1.5Ki', '-1536', -1_536_000],
  ['.5Gi', '512Mi', 536_870_912_000],
  ['1024Mi', '1Gi', 1_073_741_824_000],
  ['1n', '1n', 1],
  ['0Mi', '0', 0],
  ['1.', '1', 1000],
])('%s is written %s and has %d thousandths', (text, canonical, milli) => {
  expect(formatQuantity(text)).toBe(canonical)
  expect(toMilli(text)).toBe(milli)
})

test.each(['', 'abc', '1.2.3', '1 Gi', '1gi', 'Ki', '1KiB', '--1', '0x10', 'e3', '1e', 'NaN', '9'.repeat(100_000)])(
  '%j is refused and quoted',
  (text) => {
    expect(isQuantity(text)).toBe(false)
    expect(() => parseQuantity(text)).toThrow(JSON.stringify(text))
  },
)

describe('arithmetic', () => {
  test('binary and decimal amounts compare by amount', () => {
    expect(compareQuantities('1Ki', '1024')).toBe(0)
    expect(compareQuantities('1k', '1Ki')).toBe(-1)
    expect(compareQuantities('1', '999m')).toBe(1)
  })

  test('a sum keeps the style of its first part', () => {
    expect(formatQuantity(addQuantities('512Mi', '512Mi'))).toBe('1Gi')
    expect(formatQuantity(subtractQuantities('2', '500m'))).toBe('1500m')
  })

  test('a part of a byte takes a whole byte', () => {
    expect(toBytes('1500m')).toBe(2)
  })

  test('a canonical text reads back as the same amount and stays canonical', () => {
    const suffix = fc.constantFrom('n', 'u', 'm', '', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-3')
    fc.assert(
      fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.nat(999), suffix, (whole, fraction, unit) => {
        const text = `${whole}.${fraction}${unit}`
        const canonical = formatQuantity(text)
        expect(compareQuantities(canonical, text)).toBe(0)
        expect(formatQuantity(canonical)).toBe(canonical)
      }),
    )
  })
})
