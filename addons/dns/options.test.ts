import { expect, test } from 'vitest'
import { anyAddress, readOptions } from './options.ts'

test('it listens on both families where the kernel has both', () => {
  expect(anyAddress(import.meta.filename)).toBe('::')
  expect(anyAddress('/nowhere/if_inet6')).toBe('0.0.0.0')
  expect(readOptions(['node', 'dns']).host).toBe(anyAddress())
})
