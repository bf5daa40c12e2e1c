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

test('names that somebody has searched for until their short hashes were alike stay different', () => {
  // The first ten digits of the hash are df85c13c1e for both: a million tries.
  const found = [1_032_463, 1_104_689].map((number) => policyChain(`default/${'p'.repeat(120)}${number}`, 'ingress'))
  expect(new Set(found).size).toBe(2)
})
