import { expect, test } from 'vitest'
import { toHostAndPort } from './join-command.ts'

test.each([
  ['https://192.0.2.10:6443', '192.0.2.10:6443'],
  ['https://192.0.2.10:443', '192.0.2.10:443'],
  ['https://[2001:db8::1]:443', '[2001:db8::1]:443'],
  ['https://cluster.example.com', 'cluster.example.com:443'],
])('a host joins %s by %s', (url, expected) => {
  expect(toHostAndPort(url)).toBe(expected)
})
