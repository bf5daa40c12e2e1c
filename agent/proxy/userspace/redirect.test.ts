import { expect, test } from 'vitest'
import type { Family } from '../../../api/objects/addresses.ts'
import type { Protocol } from '../table.ts'
import { makeServicePort } from '../test-ports.ts'
import { parseRedirects, planRedirect, relayId } from './redirect.ts'

const port = (family: Family, protocol: Protocol) =>
  makeServicePort({ family, protocol, clusterIp: family === 'ipv4' ? '10.96.0.5' : 'fd00:10:96::5' })

test.each([
  ['ipv4', '192.0.2.1'],
  ['ipv6', '2001:db8::1'],
] as const)('a rule of %s tells where its relay listened', (family, ip) => {
  const rules = [
    planRedirect(port(family, 'tcp'), 'cluster', { ip, port: 40_001 }),
    planRedirect(port(family, 'udp'), 'local', { ip, port: 40_002 }),
  ]
  expect(parseRedirects(rules, ip, family)).toEqual(
    new Map([
      [relayId(port(family, 'tcp'), 'cluster'), 40_001],
      [relayId(port(family, 'udp'), 'local'), 40_002],
    ]),
  )
})

test('rules to endpoints, to another address and of others tell nothing', () => {
  const rules = [
    planRedirect(port('ipv4', 'tcp'), 'cluster', { ip: '192.0.2.9', port: 40_001 }),
    '-p tcp -m comment --comment "default/web:http" -j DNAT --to-destination 192.0.2.1:8080',
    '-p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:8080',
  ]
  expect(parseRedirects(rules, '192.0.2.1', 'ipv4')).toEqual(new Map())
})
