import { expect, test } from 'vitest'
import { anonymous } from '../exchange.ts'
import { answerHealth } from './health.ts'

const fine = () => {}
const broken = () => Promise.reject(new Error('secret reason'))

async function ask(path: string, ready: () => void | Promise<void> = fine): Promise<[number, unknown] | undefined> {
  const request = {
    method: 'GET',
    url: new URL(path, 'https://api'),
    headers: {},
    body: new Uint8Array(),
    user: anonymous,
    signal: AbortSignal.timeout(1000),
  }
  const answer = await answerHealth(request, { live: { store: fine }, ready: { caches: ready } })
  return answer && [answer.status, answer.body]
}

test('everything fine is ok', async () => {
  expect(await ask('/livez')).toEqual([200, 'ok'])
  expect(await ask('/readyz')).toEqual([200, 'ok'])
})

test('a failed check makes the server unready but not dead, and keeps the reason to itself', async () => {
  expect(await ask('/readyz', broken)).toEqual([
    500,
    '[+]ping ok\n[+]store ok\n[-]caches failed: reason withheld\nreadyz check failed\n',
  ])
  expect(await ask('/livez', broken)).toEqual([200, 'ok'])
})

test('one check can be asked for, and all can be shown', async () => {
  expect(await ask('/readyz/store', broken)).toEqual([200, 'ok'])
  expect(await ask('/livez?verbose')).toEqual([200, '[+]ping ok\n[+]store ok\nlivez check passed\n'])
  expect(await ask('/livez/nothing')).toEqual([404, '404 page not found\n'])
})

test('other paths are not about health', async () => {
  expect(await ask('/livezz')).toBeUndefined()
})
