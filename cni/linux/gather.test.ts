import { expect, test } from 'vitest'
import { Gatherer } from './gather.ts'

test('one alone is run at once; what comes meanwhile goes together', async () => {
  const runs: string[][] = []
  const gate = Promise.withResolvers<void>()
  const gatherer = new Gatherer<string>(async (items) => {
    runs.push([...items])
    await gate.promise
    return items.map(() => undefined)
  })
  const all = ['a', 'b', 'c'].map((item) => gatherer.submit(item))
  expect(runs).toEqual([['a']])
  gate.resolve()
  await Promise.all(all)
  expect(runs).toEqual([['a'], ['b', 'c']])
})

test('each hears of its own failure', async () => {
  const gatherer = new Gatherer<string>(async (items) =>
    items.map((item) => (item === 'bad' ? new Error('bad') : undefined)),
  )
  const told = await Promise.allSettled(['good', 'bad', 'fine'].map((item) => gatherer.submit(item)))
  expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('a run that fails whole fails for all of its items, and the next goes on', async () => {
  let runs = 0
  const gatherer = new Gatherer<string>(async (items) => {
    runs++
    if (items.includes('b')) throw new Error('whole')
    return items.map(() => undefined)
  })
  const first = gatherer.submit('a')
  const others = Promise.allSettled([gatherer.submit('b'), gatherer.submit('c')])
  await first
  expect((await others).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await gatherer.submit('d')
  expect(runs).toBe(3)
})
