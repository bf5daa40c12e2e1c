import { expect, test } from 'vitest'
import { issueCertificate, makeAuthority } from '../../control-plane/pki/certificates.ts'
import { renewalTime, retryDelay } from './due.ts'

const hourMs = 60 * 60 * 1000
const authority = await makeAuthority('test')
const { cert } = await issueCertificate(authority, {
  commonName: 'system:node:n-1',
  usage: 'server',
  names: ['n-1', '192.0.2.1', 'fd00::1'],
  lifeMs: 24 * hourMs,
})

test('a certificate is renewed when about a third of its time is left', () => {
  const hoursLeft = (random: number) => 24 - (renewalTime(cert, [], random) - Date.now()) / hourMs
  expect([hoursLeft(0), hoursLeft(0.5), hoursLeft(1)].map((hours) => Math.round(hours * 10) / 10)).toEqual([
    7.2, 8, 8.8,
  ])
})

test('one that lacks a name is renewed at once, whatever form its addresses have', () => {
  expect(renewalTime(cert, ['n-1', '192.0.2.2'], 0)).toBe(0)
  expect(renewalTime(cert, ['n-1', 'fd00:0:0:0:0:0:0:1'], 0)).toBeGreaterThan(Date.now())
})

test('attempts that fail come again soon at first, then the sooner the less time there is', () => {
  const endMs = Date.now() + 24 * hourMs
  const delays = [24 * hourMs, hourMs / 2, 20_000, -hourMs].map((leftMs) => retryDelay(cert, endMs - leftMs, 9) / 1000)
  expect(delays.map(Math.round)).toEqual([600, 180, 5, 5])
  const atFirst = [0, 1, 2].map((failures) => retryDelay(cert, endMs - 24 * hourMs, failures) / 1000)
  expect(atFirst.map(Math.round)).toEqual([5, 10, 20])
})
