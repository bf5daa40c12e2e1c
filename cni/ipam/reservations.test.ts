import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseRange } from './range.ts'
import { Reservations } from './reservations.ts'

const ranges = [parseRange('10.244.1.0/24'), parseRange('fd00:10:244:1::/64')]
let directory: string
let reservations: Reservations

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fairlead-reservations-'))
  reservations = new Reservations(directory)
})

afterEach(() => rmSync(directory, { recursive: true }))

test('the search goes on where the last one ended, so that a freed address rests', () => {
  const [first = ''] = reservations.reserve(ranges, 'a:eth0')
  reservations.free([first])
  expect(reservations.reserve(ranges, 'b:eth0')).toEqual(['10.244.1.3', 'fd00:10:244:1::3'])
})

test('an owner that asks again gets what it has', () => {
  const given = reservations.reserve(ranges, 'a:eth0')
  expect(reservations.reserve(ranges, 'a:eth0')).toEqual(given)
})

test.each([['10.244.1.2050'], ['10.244.1.'], ['10.9.9.9'], ['']])(
  'a hint that two processes wrote at once is no hint: "%s"',
  (mixture) => {
    writeFileSync(join(directory, 'last-given'), mixture)
    expect(reservations.reserve(ranges, 'a:eth0')[0]).toBe('10.244.1.2')
  },
)

test('a full range says so', () => {
  const tiny = [parseRange('10.244.1.0/30')]
  reservations.reserve(tiny, 'a:eth0')
  expect(() => reservations.reserve(tiny, 'b:eth0')).toThrow('no free address left in 10.244.1.0/30')
})
