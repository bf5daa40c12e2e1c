import { expect, test } from 'vitest'
import { candidates, parseRange } from './range.ts'

test('the first address is the gateway, and neither network nor broadcast address is given out', () => {
  const range = parseRange('10.244.7.0/29')
  expect(range.gateway).toBe('10.244.7.1')
  expect([...candidates(range, undefined)]).toEqual([
    '10.244.7.2',
    '10.244.7.3',
    '10.244.7.4',
    '10.244.7.5',
    '10.244.7.6',
  ])
})

test('the search goes on after the last address given out, and comes round', () => {
  expect([...candidates(parseRange('10.244.7.0/29'), '10.244.7.4')]).toEqual([
    '10.244.7.5',
    '10.244.7.6',
    '10.244.7.2',
    '10.244.7.3',
    '10.244.7.4',
  ])
  expect([...candidates(parseRange('10.244.7.0/29'), '192.0.2.1')][0]).toBe('10.244.7.2')
})

test('IPv6 ranges work alike', () => {
  const range = parseRange('fd00:1::/64')
  expect(range.gateway).toBe('fd00:1::1')
  expect(candidates(range, 'fd00:1::ff').next().value).toBe('fd00:1::100')
})

test.each(['10.244.7/24', '10.244.7.0', 'pods', '10.244.7.0/33', '10.244.7.0/31'])(
  '%s is no range to give addresses from',
  (subnet) => {
    expect(() => parseRange(subnet)).toThrow(`"${subnet}"`)
  },
)

test('a gateway is given to no pod, however it is written', () => {
  const range = parseRange('fd00:1::/126', 'FD00:1:0::2')
  expect([...candidates(range, undefined)]).toEqual(['fd00:1::1', 'fd00:1::3'])
})

test.each(['10.244.8.1', 'fd00::1', '10.244.7', 'router', '10.244.7.255'])(
  '%s is no gateway of 10.244.7.0/24',
  (gateway) => {
    expect(() => parseRange('10.244.7.0/24', gateway)).toThrow(`gateway "${gateway}"`)
  },
)
