import type { Answer } from 'dns-packet'
import { expect, test, vi } from 'vitest'
import { AnswerCache } from './cache.ts'
import { failure, type Outcome } from './message.ts'

const positive = (...ttls: number[]): Outcome => ({
  ...failure('NOERROR'),
  answers: ttls.map((ttl): Answer => ({ type: 'A', name: 'a.example', ttl, data: '192.0.2.1' })),
})
const negative = (ttl: number, minimum: number): Outcome => ({
  ...failure('NXDOMAIN'),
  authorities: [
    {
      type: 'SOA',
      name: 'example',
      ttl,
      data: { mname: 'm', rname: 'r', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
    },
  ],
})

function cacheAt(start = 0) {
  const clock = { nowMs: start }
  return { clock, cache: new AnswerCache(2, () => clock.nowMs) }
}

test('an answer lives as long as its shortest record, and its records age', () => {
  const { clock, cache } = cacheAt()
  cache.set('a', positive(30, 10))
  clock.nowMs = 9_999
  expect(cache.get('a')?.answers).toMatchObject([{ ttl: 21 }, { ttl: 1 }])
  clock.nowMs = 10_000
  expect(cache.get('a')).toBeUndefined()
})

test('a negative answer lives by its SOA: the smaller of TTL and minimum; without one it is not kept', () => {
  const { clock, cache } = cacheAt()
  cache.set('a', negative(60, 5))
  cache.set('b', failure('NXDOMAIN'))
  expect(cache.get('b')).toBeUndefined()
  clock.nowMs = 4_999
  expect(cache.get('a')?.rcode).toBe('NXDOMAIN')
  clock.nowMs = 5_000
  expect(cache.get('a')).toBeUndefined()
})

test('a failure is remembered for a moment, so that a dead upstream is not asked by everybody', () => {
  const { clock, cache } = cacheAt()
  cache.set('a', failure('SERVFAIL'))
  expect(cache.get('a')?.rcode).toBe('SERVFAIL')
  clock.nowMs = 1_000
  expect(cache.get('a')).toBeUndefined()
})

test('a record with TTL 0 is not kept', () => {
  const { cache } = cacheAt()
  cache.set('a', positive(0))
  expect(cache.get('a')).toBeUndefined()
})

test('when there are too many, the least recently used goes', () => {
  const { cache } = cacheAt()
  cache.set('a', positive(60))
  cache.set('b', positive(60))
  cache.get('a')
  cache.set('c', positive(60))
  expect([cache.get('a'), cache.get('b'), cache.get('c')].map((each) => each !== undefined)).toEqual([
    true,
    false,
    true,
  ])
})

test('an alias to a name without such a record lives by the SOA too', () => {
  const { clock, cache } = cacheAt()
  const alias: Answer = { type: 'CNAME', name: 'a.example', ttl: 3_600, data: 'b.example' }
  cache.set('a', { ...negative(60, 5), rcode: 'NOERROR', answers: [alias] })
  clock.nowMs = 5_000
  expect(cache.get('a')).toBeUndefined()
})

test('a clock that is set back prolongs nothing', () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const cache = new AnswerCache(2)
  cache.set('a', positive(30))
  vi.setSystemTime(Date.now() - 3_600_000)
  expect(cache.get('a')?.answers).toMatchObject([{ ttl: 30 }])
  vi.useRealTimers()
})
