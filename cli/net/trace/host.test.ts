import { expect, test } from 'vitest'
import { listensOn } from './host.ts'

test.each([
  ['*', '10.244.1.2', true],
  ['*', 'fd00::2', true],
  ['0.0.0.0', '10.244.1.2', true],
  ['0.0.0.0', 'fd00::2', false],
  ['::', 'fd00::2', true],
  ['10.244.1.2', '10.244.1.2', true],
  ['127.0.0.1', '10.244.1.2', false],
  ['::ffff:10.244.1.2', '10.244.1.2', true],
  ['::ffff:127.0.0.1', '10.244.1.2', false],
  ['::ffff:0:2', '::ffff:0:2', true],
])('a socket at %s takes what is for %s: %s', (address, destination, takes) => {
  expect(listensOn(address, destination)).toBe(takes)
})
