import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Alarm, longestDelayMs, pause } from './alarm.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const { signal: never } = new AbortController()

/** Says later whether the promise has settled. */
function watch(promise: Promise<void>) {
  const seen = { isOver: false }
  void promise.then(() => {
    seen.isOver = true
  })
  return async () => {
    await vi.advanceTimersByTimeAsync(0)
    return seen.isOver
  }
}

test('a wake ends the wait, and one between two waits is not lost', async () => {
  const alarm = new Alarm()
  const first = watch(alarm.wait(never))
  expect(await first()).toBe(false)
  alarm.wake()
  expect(await first()).toBe(true)
  alarm.wake()
  expect(await watch(alarm.wait(never))()).toBe(true)
  expect(await watch(alarm.wait(never))()).toBe(false)
})

test('a wake that was forgotten ends no wait', async () => {
  const alarm = new Alarm()
  alarm.wake()
  alarm.reset()
  expect(await watch(alarm.wait(never))()).toBe(false)
})

test('the signal ends the wait, and no wait leaves anything at it or at the clock', async () => {
  const stop = new AbortController()
  const alarm = new Alarm()
  const waiting = watch(alarm.wait(stop.signal, 60_000))
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1)
  alarm.wake()
  expect(await waiting()).toBe(true)
  expect([getEventListeners(stop.signal, 'abort').length, vi.getTimerCount()]).toEqual([0, 0])
  const last = watch(alarm.wait(stop.signal, 60_000))
  stop.abort()
  expect(await last()).toBe(true)
  expect([getEventListeners(stop.signal, 'abort').length, vi.getTimerCount()]).toEqual([0, 0])
  expect(await watch(pause(60_000, stop.signal))()).toBe(true)
})

test('the delay ends the wait, and one that is longer than timers can be does not end it at once', async () => {
  const short = watch(pause(1_000, never))
  const long = watch(pause(longestDelayMs * 2, never))
  await vi.advanceTimersByTimeAsync(999)
  expect(await short()).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect([await short(), await long()]).toEqual([true, false])
})
