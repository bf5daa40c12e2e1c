import { expect, test, vi } from 'vitest'
import { Afterwork } from './afterwork.ts'

test('what comes within a moment begins together', async () => {
  vi.useFakeTimers()
  const afterwork = new Afterwork(() => {})
  const begun: string[] = []
  const work = (name: string) => async () => void begun.push(name)
  afterwork.add('a', work('a'))
  await vi.advanceTimersByTimeAsync(150)
  afterwork.add('b', work('b'))
  expect([begun, [...afterwork.pendingTopics()]]).toEqual([[], ['a', 'b']])
  await vi.advanceTimersByTimeAsync(50)
  expect([begun, [...afterwork.pendingTopics()]]).toEqual([['a', 'b'], []])
  vi.useRealTimers()
})

test('settled begins what waits, and ends after it', async () => {
  const afterwork = new Afterwork(() => {})
  let isDone = false
  afterwork.add('a', async () => {
    await new Promise((resolve) => setImmediate(resolve))
    isDone = true
  })
  const settled = afterwork.settled()
  expect([...afterwork.pendingTopics()]).toEqual(['a'])
  await settled
  expect([isDone, [...afterwork.pendingTopics()]]).toEqual([true, []])
})

test('work that fails is told of and holds up nothing', async () => {
  const errors: unknown[] = []
  const afterwork = new Afterwork((error) => errors.push(error))
  let isDone = false
  afterwork.add('a', () => Promise.reject(new Error('no')))
  afterwork.add('b', async () => {
    isDone = true
  })
  await afterwork.settled()
  expect([errors, isDone]).toEqual([[new Error('no')], true])
})
