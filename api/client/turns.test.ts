import { setImmediate as nextRound } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('calls run one after the other, in the order in which they came', async () => {
  const turns = new Turns()
  const log: string[] = []
  const call = (name: string) =>
    turns.take(async () => {
      log.push(`${name} begins`)
      await nextRound()
      log.push(`${name} ends`)
      return name
    })
  expect(await Promise.all([call('a'), call('b'), call('c')])).toEqual(['a', 'b', 'c'])
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('a call that fails is told so, and those behind it run all the same', async () => {
  const turns = new Turns()
  const failing = turns.take(async () => Promise.reject(new Error('broken')))
  const next = turns.take(async () => 'fine')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('fine')
})
