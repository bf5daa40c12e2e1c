import { expect, test } from 'vitest'
import { hostLinkName, isHostLink } from './names.ts'

test('links of containers whose names differ in one letter have names of their own', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => hostLinkName(`pod-${index}`, 'eth0'))
  expect(new Set(names).size).toBe(names.length)
  expect(names.every(isHostLink)).toBe(true)
  expect(names[0]).toBe(hostLinkName('pod-0', 'eth0'))
})

test('two interfaces of one container have two links', () => {
  expect(hostLinkName('a', 'eth0')).not.toBe(hostLinkName('a', 'eth1'))
})
