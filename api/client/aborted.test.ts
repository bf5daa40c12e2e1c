import { expect, test } from 'vitest'
import { aborted } from './aborted.ts'

test('whoever waits hears of the end, also when it came before', async () => {
  const stop = new AbortController()
  const before = aborted(stop.signal).then(() => 'heard')
  expect(await Promise.race([before, Promise.resolve('not yet')])).toBe('not yet')
  stop.abort()
  expect(await before).toBe('heard')
  await aborted(stop.signal)
})

test('without a signal nobody ever hears of it', async () => {
  const heard = aborted(undefined).then(() => 'heard')
  const later = new Promise((resolve) => setImmediate(() => resolve('not yet')))
  expect(await Promise.race([heard, later])).toBe('not yet')
})
