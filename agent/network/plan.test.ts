import { expect, test } from 'vitest'
import type { Node } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { diffRoutes, nodeAddresses, planRoutes, planRules } from './plan.ts'

function node(name: string, podCIDR: string | undefined, address: string | undefined): Stored<Node> {
  const metadata = { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
  const addresses =
    address === undefined
      ? []
      : [
          { type: 'Hostname', address: name },
          { type: 'InternalIP', address },
        ]
  return { metadata, spec: { ...(podCIDR !== undefined && { podCIDR }) }, status: { addresses } }
}

const nodes = [
  node('b', '10.244.2.0/24', '192.0.2.2'),
  node('a', '10.244.1.0/24', '192.0.2.1'),
  node('new', undefined, '192.0.2.3'),
  node('odd', '10.244.4.0/24', undefined),
]

test('every other node with a range and an address is the gateway of its pods', () => {
  expect(planRoutes(nodes, 'a')).toEqual([{ dst: '10.244.2.0/24', gateway: '192.0.2.2' }])
  expect(planRoutes(nodes, 'new').map(({ dst }) => dst)).toEqual(['10.244.1.0/24', '10.244.2.0/24'])
})

test('only routes that differ are written, and those of gone nodes removed', () => {
  const actual = [
    { dst: '10.244.2.0/24', gateway: '192.0.2.9' },
    { dst: '10.244.9.0/24', gateway: '192.0.2.9' },
  ]
  expect(diffRoutes(planRoutes(nodes, 'a'), actual)).toEqual({
    replace: [{ dst: '10.244.2.0/24', gateway: '192.0.2.2' }],
    remove: ['10.244.9.0/24'],
  })
  expect(diffRoutes(planRoutes(nodes, 'a'), planRoutes(nodes, 'a'))).toEqual({ replace: [], remove: [] })
})

test('pods are masqueraded towards the outside, not towards nodes', () => {
  const { nat } = planRules({ podCidr: '10.244.1.0/24', clusterCidr: '10.244.0.0/16', addresses: nodeAddresses(nodes) })
  expect(nat.rules.slice(0, 3)).toEqual([
    '-d 192.0.2.1/32 -j RETURN',
    '-d 192.0.2.2/32 -j RETURN',
    '-d 192.0.2.3/32 -j RETURN',
  ])
  expect(nat.rules.at(-1)).toContain('MASQUERADE')
})
