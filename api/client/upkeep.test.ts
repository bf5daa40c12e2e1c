import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Upkeep, type UpkeepOptions } from './upkeep.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  stop.abort()
  stop = new AbortController()
  vi.useRealTimers()
})
let stop = new AbortController()

/** An upkeep whose syncs write what they are into a log, and fail as long as there are failures left. */
function startUpkeep(options: Partial<UpkeepOptions> = {}) {
  const log: string[] = []
  const state = { failures: 0 }
  const upkeep = new Upkeep({
    sync: async (isResync) => {
      if (state.failures-- > 0) throw new Error('broken')
      log.push(isResync ? 'resync' : 'sync')
    },
    onError: (error) => log.push(String(error)),
    ...options,
  })
  return { upkeep, log, state, done: upkeep.run(stop.signal) }
}

test('the start is a sync, and changes of a few milliseconds are one more', async () => {
  const { upkeep, log } = startUpkeep()
  await vi.advanceTimersByTimeAsync(100)
  expect(log).toEqual(['sync'])
  for (let change = 0; change < 10; change++) upkeep.wake()
  await vi.advanceTimersByTimeAsync(100)
  expect(log).toEqual(['sync', 'sync'])
})

test('a change that comes during a sync is looked at afterwards', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let syncs = 0
  const { upkeep } = startUpkeep({
    sync: async () => {
      syncs++
      await promise
    },
  })
  await vi.advanceTimersByTimeAsync(100)
  upkeep.wake()
  expect(syncs).toBe(1)
  resolve()
  await vi.advanceTimersByTimeAsync(100)
  expect(syncs).toBe(2)
})

test('changes that never end do not put off a resync', async () => {
  const { upkeep, log } = startUpkeep({ resyncMs: 60_000 })
  for (let second = 0; second < 150; second++) {
    upkeep.wake()
    await vi.advanceTimersByTimeAsync(1_000)
  }
  expect(log.filter((entry) => entry === 'resync')).toHaveLength(2)
})

test('a failure is told and tried again after a while, whatever wakes', async () => {
  const { upkeep, log, state } = startUpkeep({ retryMs: 1_000 })
  await vi.advanceTimersByTimeAsync(100)
  state.failures = 2
  for (let wakes = 0; wakes < 15; wakes++) {
    upkeep.wake()
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(log).toEqual(['sync', 'Error: broken', 'Error: broken'])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(log).toEqual(['sync', 'Error: broken', 'Error: broken', 'sync'])
})

test('a resync that failed stays due', async () => {
  const { log, state } = startUpkeep({ resyncMs: 60_000, retryMs: 1_000 })
  await vi.advanceTimersByTimeAsync(100)
  state.failures = 1
  await vi.advanceTimersByTimeAsync(62_000)
  expect(log).toEqual(['sync', 'Error: broken', 'resync'])
})

test('a resync that is asked for comes now, and the next of itself a minute after it', async () => {
  const { upkeep, log } = startUpkeep({ resyncMs: 60_000 })
  await vi.advanceTimersByTimeAsync(50_000)
  upkeep.resync()
  await vi.advanceTimersByTimeAsync(100)
  expect(log).toEqual(['sync', 'resync'])
  await vi.advanceTimersByTimeAsync(55_000)
  expect(log).toEqual(['sync', 'resync'])
  await vi.advanceTimersByTimeAsync(10_000)
  expect(log).toEqual(['sync', 'resync', 'resync'])
})

test('a resync that is asked for during another is another', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const log: boolean[] = []
  const { upkeep } = startUpkeep({
    sync: async (isResync) => {
      log.push(isResync)
      if (log.length === 2) await promise
    },
  })
  await vi.advanceTimersByTimeAsync(100)
  upkeep.resync()
  await vi.advanceTimersByTimeAsync(100)
  upkeep.resync()
  resolve()
  await vi.advanceTimersByTimeAsync(100)
  expect(log).toEqual([false, true, true])
})

test('what is called exclusively meets no sync', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { upkeep, log } = startUpkeep()
  const call = upkeep.exclusively(() => promise)
  await vi.advanceTimersByTimeAsync(100)
  expect(log).toEqual([])
  resolve()
  await call
  await vi.advanceTimersByTimeAsync(100)
  expect(log).toEqual(['sync'])
})

test('the end waits for the sync under way, and begins no other', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const log: string[] = []
  const { upkeep, done } = startUpkeep({
    sync: async () => {
      await promise
      log.push('synced')
    },
  })
  const ended = done.then(() => log.push('ended'))
  await vi.advanceTimersByTimeAsync(100)
  upkeep.wake()
  stop.abort()
  await vi.advanceTimersByTimeAsync(100)
  expect(log).toEqual([])
  resolve()
  await ended
  expect(log).toEqual(['synced', 'ended'])
})

test('a sync that the end cuts short is no failure', async () => {
  const { log, done } = startUpkeep({
    sync: async (_, signal) => {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  await vi.advanceTimersByTimeAsync(100)
  stop.abort()
  await done
  expect(log).toEqual([])
})
