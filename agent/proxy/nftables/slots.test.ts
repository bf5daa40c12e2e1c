import { expect, test } from 'vitest'
import { assignIds, assignSlots, formatSlot, parseSlot } from './slots.ts'

test('who stays keeps its number, and the last ones fill the gaps', () => {
  expect(assignSlots(['a', 'b', 'c', 'd'], ['a', 'c', 'd'])).toEqual(['a', 'd', 'c'])
})

test('who comes is added at the end, whatever the order of the endpoints', () => {
  expect(assignSlots(['b', 'a'], ['a', 'b', 'c'])).toEqual(['b', 'a', 'c'])
})

test('one endpoint replaced by another changes one number', () => {
  const before = Array.from({ length: 100 }, (_, index) => `e${index}`)
  const wanted = ['new', ...before.slice(0, 40), ...before.slice(41)]
  const after = assignSlots(before, wanted)
  expect(after.filter((endpoint, index) => endpoint !== before[index])).toEqual(['new'])
  expect(after.toSorted()).toEqual(wanted.toSorted())
})

test('numbers are read as they were written', () => {
  for (const slot of [0, 1, 65_534, 65_535, 100_000]) expect(parseSlot(formatSlot(slot))).toBe(slot)
})

test('ids depend on the endpoints alone, and no two are the same', () => {
  const endpoints = Array.from({ length: 5_000 }, (_, index) => `10.244.${index >> 8}.${index & 255} . 80`)
  const ids = assignIds(endpoints)
  expect(new Set(ids.values()).size).toBe(5_000)
  expect(assignIds(endpoints.toReversed()).get('10.244.0.7 . 80')).toBe(ids.get('10.244.0.7 . 80'))
})
