import { expect, test } from 'vitest'
import { makeEndpoint, makeServicePort } from '../test-ports.ts'
import { kernelWay } from './spread.ts'

test('probabilities are as iptables-save prints them, also where it has to round half a digit', () => {
  const endpoints = Array.from({ length: 4097 }, (_, index) => makeEndpoint(`10.244.${index >> 8}.${index & 255}`))
  const { rules } = kernelWay({ clusterCidr: '10.244.0.0/16' }).send(makeServicePort(), 'cluster', endpoints)
  const chances = rules.map((rule) => /--probability (\S+)/.exec(rule)?.[1])
  expect(chances.slice(0, 3)).toEqual(['0.00024408102', '0.00024414062', '0.00024420023'])
  expect(chances.slice(-4)).toEqual(['0.25000000000', '0.33333333349', '0.50000000000', undefined])
})
