import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SchedulingQueue } from './scheduling-queue.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

/** What comes out of the queue until it has nothing ready. */
async function drain(queue: SchedulingQueue): Promise<string[]> {
  const stop = new AbortController()
  const keys: string[] = []
  const reading = (async () => {
    for (let key = await queue.next(stop.signal); key !== undefined; key = await queue.next(stop.signal)) keys.push(key)
  })()
  await vi.advanceTimersByTimeAsync(0)
  stop.abort()
  await reading
  return keys
}

test('pods come out by priority, then in the order they came', async () => {
  const queue = new SchedulingQueue()
  queue.add('a', 0)
  queue.add('b', 5)
  queue.add('c', 0)
  queue.add('d', -1)
  expect(await drain(queue)).toEqual(['b', 'a', 'c', 'd'])
})

test('a parked pod waits for a change, and for its back-off, which grows to ten seconds', async () => {
  const queue = new SchedulingQueue()
  queue.add('a', 0)
  expect(await drain(queue)).toEqual(['a'])
  for (const delayMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
    queue.park('a')
    await vi.advanceTimersByTimeAsync(delayMs / 2)
    queue.wakeAll()
    expect(await drain(queue)).toEqual([])
    await vi.advanceTimersByTimeAsync(delayMs / 2)
    expect(await drain(queue)).toEqual(['a'])
  }
  queue.park('a')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await drain(queue)).toEqual([])
  queue.wakeAll()
  expect(await drain(queue)).toEqual(['a'])
})

test('a changed pod is tried at once', async () => {
  const queue = new SchedulingQueue()
  queue.add('a', 0)
  await drain(queue)
  queue.park('a')
  queue.add('a', 0)
  expect(await drain(queue)).toEqual(['a'])
})

test('a pod whose binding failed comes back by itself', async () => {
  const queue = new SchedulingQueue()
  queue.add('a', 0)
  await drain(queue)
  queue.retry('a')
  expect(await drain(queue)).toEqual([])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await drain(queue)).toEqual(['a'])
})

test('a removed pod never comes back', async () => {
  const queue = new SchedulingQueue()
  for (const key of ['ready', 'parked', 'retried']) queue.add(key, 0)
  await drain(queue)
  queue.add('ready', 0)
  queue.park('parked')
  queue.retry('retried')
  for (const key of ['ready', 'parked', 'retried']) queue.remove(key)
  queue.wakeAll()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await drain(queue)).toEqual([])
  expect(queue.size).toBe(0)
})
