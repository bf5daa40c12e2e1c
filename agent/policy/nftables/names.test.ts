import { expect, test } from 'vitest'
import { podChain, policyChain, shorten } from './names.ts'

test('names that fit stay as they are', () => {
  expect(policyChain('default/deny-all', 'ingress')).toBe('policy/default/deny-all/ingress')
})

test('names that do not fit are cut to what the kernel takes, and stay different', () => {
  const key = `${'n'.repeat(63)}/${'p'.repeat(253)}`
  const names = [podChain(key, 'ingress'), podChain(key, 'egress'), podChain(`${key}q`, 'egress')]
  expect(names.map((name) => name.length)).toEqual([127, 127, 127])
  expect(new Set(names).size).toBe(3)
  expect(shorten('x'.repeat(127))).toBe('x'.repeat(127))
})
