import { expect, test } from 'vitest'
import { formatAge } from './age.ts'

const minute = 60
const hour = 60 * minute
const day = 24 * hour

test.each([
  [0, '0s'],
  [5, '5s'],
  [119, '119s'],
  [2 * minute, '2m'],
  [2 * minute + 3, '2m3s'],
  [10 * minute + 3, '10m'],
  [179 * minute, '179m'],
  [3 * hour + 20 * minute, '3h20m'],
  [8 * hour + 20 * minute, '8h'],
  [47 * hour, '47h'],
  [2 * day + 3 * hour, '2d3h'],
  [10 * day + 3 * hour, '10d'],
  [731 * day, '2y1d'],
  [-1, '0s'],
  [-60, '<invalid>'],
])('%d seconds are %s', (seconds, age) => {
  const now = 1_700_000_000_000
  expect(formatAge(now - seconds * 1000, now)).toBe(age)
})
