import { expect, test } from 'vitest'
import { RoundRobin } from './round-robin.ts'

const endpoint = (last: number) => ({ ip: `10.244.1.${last}`, port: 80, local: true })
const three = [endpoint(2), endpoint(3), endpoint(4)]
const firstFor = (roundRobin: RoundRobin, client: string) => roundRobin.order(client)[0]?.ip

test('clients get one endpoint after the other, and the others should it fail', () => {
  const roundRobin = new RoundRobin(() => 0)
  roundRobin.set(three, {})
  expect([1, 2, 3, 4].map(() => firstFor(roundRobin, 'c'))).toEqual([
    '10.244.1.2',
    '10.244.1.3',
    '10.244.1.4',
    '10.244.1.2',
  ])
  expect(roundRobin.order('c').map(({ ip }) => ip)).toEqual(['10.244.1.3', '10.244.1.4', '10.244.1.2'])
})

test('nobody is chosen of none', () => {
  expect(new RoundRobin(() => 0).order('c')).toEqual([])
})

test('with affinity a client keeps its endpoint until it has stayed away too long, or the endpoint goes', () => {
  let now = 0
  const roundRobin = new RoundRobin(() => now)
  const affinity = { affinitySeconds: 10 }
  roundRobin.set(three, affinity)
  roundRobin.remember('c', endpoint(4))
  expect([1, 2].map(() => firstFor(roundRobin, 'c'))).toEqual(['10.244.1.4', '10.244.1.4'])
  roundRobin.set([endpoint(3), endpoint(4)], affinity)
  expect(firstFor(roundRobin, 'c')).toBe('10.244.1.4')
  now = 10_000
  expect(firstFor(roundRobin, 'c')).toBe('10.244.1.3')
  roundRobin.remember('c', endpoint(4))
  roundRobin.set([endpoint(2), endpoint(3)], affinity)
  expect(firstFor(roundRobin, 'c')).not.toBe('10.244.1.4')
})
