import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WorkQueue, type WorkQueueOptions } from './work-queue.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  stop.abort()
  stop = new AbortController()
  vi.useRealTimers()
})
let stop = new AbortController()

/** A queue whose keys are worked on until the test lets them end. */
function startQueue(options: Partial<WorkQueueOptions> = {}) {
  const started: string[] = []
  const errors: string[] = []
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const queue = new WorkQueue(
    async (key) => {
      started.push(key)
      const end = Promise.withResolvers<void>()
      ends.set(key, end)
      await end.promise
    },
    { onError: (_, key) => errors.push(key), ...options },
  )
  const done = queue.run(stop.signal)
  const end = async (key: string, error?: Error) => {
    if (error === undefined) ends.get(key)?.resolve()
    else ends.get(key)?.reject(error)
    await settle()
  }
  return { queue, started, errors, end, done }
}

const settle = () => vi.advanceTimersByTimeAsync(0)

test('a key that waits is in the queue once', async () => {
  const { queue, started, end } = startQueue({ workers: 1 })
  for (const key of ['a', 'b', 'b', 'c', 'b']) queue.add(key)
  await settle()
  for (const key of ['a', 'b', 'c']) await end(key)
  expect(started).toEqual(['a', 'b', 'c'])
  expect(queue.size).toBe(0)
})

test('a key added while it is worked on comes again afterwards, never at the same time', async () => {
  const { queue, started, end } = startQueue({ workers: 4 })
  queue.add('a')
  await settle()
  queue.add('a')
  queue.add('a')
  await settle()
  expect(started).toEqual(['a'])
  await end('a')
  expect(started).toEqual(['a', 'a'])
  await end('a')
  expect(started).toEqual(['a', 'a'])
})

test('as many keys are worked on at once as there are workers', async () => {
  const { queue, started, end } = startQueue({ workers: 2 })
  for (const key of ['a', 'b', 'c']) queue.add(key)
  await settle()
  expect(started).toEqual(['a', 'b'])
  await end('b')
  expect(started).toEqual(['a', 'b', 'c'])
})

test('a key that failed comes back with growing delay, which success resets', async () => {
  const { queue, started, errors, end } = startQueue({ baseDelayMs: 100 })
  queue.add('a')
  await settle()
  for (const delayMs of [100, 200, 400]) {
    await end('a', new Error('no'))
    const before = started.length
    await vi.advanceTimersByTimeAsync(delayMs - 1)
    expect(started).toHaveLength(before)
    await vi.advanceTimersByTimeAsync(1)
    expect(started).toHaveLength(before + 1)
  }
  await end('a')
  queue.add('a')
  await settle()
  await end('a', new Error('no'))
  await vi.advanceTimersByTimeAsync(100)
  expect(started).toHaveLength(6)
  expect(errors).toEqual(['a', 'a', 'a', 'a'])
})

test('the delay after failures has a limit', async () => {
  const { queue, started, end } = startQueue({ baseDelayMs: 100, maxDelayMs: 150 })
  queue.add('a')
  await settle()
  for (let failures = 1; failures <= 5; failures++) {
    await end('a', new Error('no'))
    await vi.advanceTimersByTimeAsync(150)
    expect(started).toHaveLength(failures + 1)
  }
})

test('of several delays the earliest counts', async () => {
  const { queue, started } = startQueue()
  queue.addAfter('a', 1_000)
  queue.addAfter('a', 100)
  queue.addAfter('a', 500)
  await vi.advanceTimersByTimeAsync(100)
  expect(started).toEqual(['a'])
  await vi.advanceTimersByTimeAsync(2_000)
  expect(started).toEqual(['a'])
})

test('a delay longer than timers can count is not over at once', async () => {
  const { queue, started } = startQueue()
  queue.addAfter('a', 2 ** 40)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(started).toEqual([])
})

test('abort waits for what is under way, starts nothing new and reports no failure', async () => {
  const { queue, started, errors, end, done } = startQueue({ workers: 1 })
  queue.add('a')
  queue.add('b')
  await settle()
  let isDone = false
  void done.then(() => {
    isDone = true
  })
  stop.abort()
  await settle()
  expect(isDone).toBe(false)
  await end('a', new Error('aborted'))
  await done
  expect(started).toEqual(['a'])
  expect(errors).toEqual([])
})

test('keys added before run are worked on', async () => {
  const seen: string[] = []
  const queue = new WorkQueue(async (key) => void seen.push(key), { onError: () => {} })
  queue.add('a')
  void queue.run(stop.signal)
  await settle()
  expect(seen).toEqual(['a'])
})
