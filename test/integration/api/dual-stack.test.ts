import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Service, ServiceSpec } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { services } from '../../../api/resources/services.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

let server: TestApiServer
beforeEach(async () => {
  server = await startApiServer({ serviceCidrs: ['10.96.0.0/24', 'fd00:10:96::/112'] })
})
afterEach(() => server.close())

const make = (name: string, spec: ServiceSpec = {}) =>
  server.client.create(services, { metadata: { namespace: 'default', name }, spec: { ports: [{ port: 80 }], ...spec } })
const change = (name: string, spec: ServiceSpec) =>
  server.client.patch(services, { namespace: 'default', name }, 'application/merge-patch+json', { spec })

const familiesOf = ({ spec }: Stored<Service>) => [
  spec.ipFamilyPolicy,
  spec.ipFamilies,
  (spec.clusterIPs ?? []).map((address) => (address === 'None' ? address : address.includes(':') ? 'six' : 'four')),
]

test.each([
  ['nothing', {}, ['SingleStack', ['IPv4'], ['four']]],
  ['IPv6', { ipFamilies: ['IPv6'] }, ['SingleStack', ['IPv6'], ['six']]],
  ['an IPv6 address', { clusterIP: 'fd00:10:96::77' }, ['SingleStack', ['IPv6'], ['six']]],
  ['both if possible', { ipFamilyPolicy: 'PreferDualStack' }, ['PreferDualStack', ['IPv4', 'IPv6'], ['four', 'six']]],
  [
    'both, IPv6 first',
    { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] },
    ['RequireDualStack', ['IPv6', 'IPv4'], ['six', 'four']],
  ],
  [
    'two addresses',
    { ipFamilyPolicy: 'RequireDualStack', clusterIPs: ['10.96.0.9', 'fd00:10:96::9'] },
    ['RequireDualStack', ['IPv4', 'IPv6'], ['four', 'six']],
  ],
  [
    'no address and both families',
    { ipFamilyPolicy: 'PreferDualStack', clusterIP: 'None', selector: { app: 'x' } },
    ['PreferDualStack', ['IPv4', 'IPv6'], ['None']],
  ],
])('a Service that asks for %s', async (_, spec, families) => {
  expect(familiesOf(await make('web', spec))).toEqual(families)
})

test.each([
  [
    'two families by the policy of one',
    { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'SingleStack' },
    'must be RequireDualStack or PreferDualStack',
  ],
  ['two families and no policy', { ipFamilies: ['IPv4', 'IPv6'] }, 'must be RequireDualStack or PreferDualStack'],
  ['an address of another family', { ipFamilies: ['IPv6'], clusterIP: '10.96.0.9' }, 'expected an IPv6 value'],
  [
    'the same family twice',
    { ipFamilies: ['IPv4', 'IPv4'], ipFamilyPolicy: 'RequireDualStack' },
    'spec.ipFamilies[1]: Duplicate value',
  ],
  ['a family that does not exist', { ipFamilies: ['IPv5'] }, 'spec.ipFamilies[0]: Unsupported value'],
  ['an address out of range', { clusterIP: 'fd00:10:97::9' }, 'not in the valid range'],
])('%s is refused', async (_, spec, message) => {
  await expect(make('web', spec)).rejects.toThrow(message)
})

test('a Service gains its second address and loses it again, and keeps the first', async () => {
  const made = await make('web')
  const upgraded = await change('web', { ipFamilyPolicy: 'PreferDualStack' })
  expect(familiesOf(upgraded)).toEqual(['PreferDualStack', ['IPv4', 'IPv6'], ['four', 'six']])
  expect(upgraded.spec.clusterIP).toBe(made.spec.clusterIP)
  const downgraded = await change('web', { ipFamilyPolicy: 'SingleStack' })
  expect(familiesOf(downgraded)).toEqual(['SingleStack', ['IPv4'], ['four']])
  expect(downgraded.spec.clusterIP).toBe(made.spec.clusterIP)
  // The address is free again.
  const [, second] = upgraded.spec.clusterIPs ?? []
  expect((await make('heir', { clusterIP: second ?? '' })).spec.clusterIP).toBe(second)
})

test('updates that have nothing to do with addresses keep both', async () => {
  const made = await make('web', { ipFamilyPolicy: 'RequireDualStack' })
  const { clusterIP: _, clusterIPs: __, ipFamilies: ___, ...spec } = made.spec
  const updated = await server.client.update(services, { ...made, spec: { ...spec, sessionAffinity: 'ClientIP' } })
  expect(updated.spec.clusterIPs).toEqual(made.spec.clusterIPs)
  expect(updated.spec.ipFamilies).toEqual(['IPv4', 'IPv6'])
})

test('a cluster of one family says so', async () => {
  const single = await startApiServer()
  const ask = (spec: ServiceSpec) =>
    single.client.create(services, {
      metadata: { namespace: 'default', name: 'web' },
      spec: { ports: [{ port: 80 }], ...spec },
    })
  await expect(ask({ ipFamilyPolicy: 'RequireDualStack' })).rejects.toThrow('not configured for dual-stack')
  await expect(ask({ ipFamilies: ['IPv6'] })).rejects.toThrow('not configured on this cluster')
  expect(familiesOf(await ask({ ipFamilyPolicy: 'PreferDualStack' }))).toEqual(['PreferDualStack', ['IPv4'], ['four']])
  await single.close()
})
