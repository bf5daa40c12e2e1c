import { expect, test } from 'vitest'
import { locate } from './hints.ts'

const zones: Record<string, string> = { a1: 'a', b1: 'b' }
const zoneOf = (node: string | undefined) => zones[node ?? '']
const service = (trafficDistribution?: string) => ({
  metadata: { name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: trafficDistribution === undefined ? {} : { trafficDistribution },
})
const endpoints = [
  { addresses: ['10.0.0.1'], nodeName: 'a1' },
  { addresses: ['10.0.0.2'], nodeName: 'b1' },
  { addresses: ['10.0.0.3'], nodeName: 'nowhere' },
]

test('endpoints say the zone of their node', () => {
  expect(locate(service(), endpoints, zoneOf).map(({ zone, hints }) => [zone, hints])).toEqual([
    ['a', undefined],
    ['b', undefined],
    [undefined, undefined],
  ])
})

test.each(['PreferClose', 'PreferSameZone'])(
  '%s hints at the own zone; an endpoint without one carries no hint',
  (wish) => {
    expect(locate(service(wish), endpoints, zoneOf).map(({ hints }) => hints)).toEqual([
      { forZones: [{ name: 'a' }] },
      { forZones: [{ name: 'b' }] },
      undefined,
    ])
  },
)

test('PreferSameNode hints at the node, and at the zone for those that have none there', () => {
  expect(locate(service('PreferSameNode'), endpoints, zoneOf).map(({ hints }) => hints)).toEqual([
    { forNodes: [{ name: 'a1' }], forZones: [{ name: 'a' }] },
    { forNodes: [{ name: 'b1' }], forZones: [{ name: 'b' }] },
    { forNodes: [{ name: 'nowhere' }] },
  ])
})
