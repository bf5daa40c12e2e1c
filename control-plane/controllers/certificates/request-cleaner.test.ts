import { expect, test } from 'vitest'
import { endOf } from './request-cleaner.ts'

const hourMs = 60 * 60 * 1000
const createdMs = Date.parse('2026-01-01T00:00:00Z')
const endsAfter = (conditions: { type: string; hours: number }[]) =>
  (endOf({
    metadata: { name: 'r', uid: 'u', resourceVersion: '1', creationTimestamp: new Date(createdMs).toISOString() },
    spec: { request: '', signerName: 'a.example/b' },
    status: {
      conditions: conditions.map(({ type, hours }) => ({
        type,
        status: 'True',
        lastUpdateTime: new Date(createdMs + hours * hourMs).toISOString(),
      })),
    },
  }) -
    createdMs) /
  hourMs

test('a request that nobody decides about stays a day, one that was decided an hour from then', () => {
  expect(endsAfter([])).toBe(24)
  expect(endsAfter([{ type: 'Approved', hours: 3 }])).toBe(4)
  expect(endsAfter([{ type: 'Denied', hours: 30 }])).toBe(31)
  expect(
    endsAfter([
      { type: 'Approved', hours: 1 },
      { type: 'Failed', hours: 2 },
    ]),
  ).toBe(3)
  expect(endsAfter([{ type: 'Other', hours: 5 }])).toBe(24)
})
