import { expect, test } from 'vitest'
import type { NetworkPolicy } from '../generated/types.ts'
import { networkPolicies } from './network-policies.ts'
import { validateCreate } from './validate-object.ts'

type Spec = NonNullable<NetworkPolicy['spec']>

function make(spec: Spec | undefined): NetworkPolicy {
  const policy: NetworkPolicy = { metadata: { name: 'web', namespace: 'default' }, ...(spec && { spec }) }
  networkPolicies.setDefaults?.(policy)
  networkPolicies.prepareForCreate?.(policy)
  return policy
}

const complaints = (spec: Spec) =>
  validateCreate(networkPolicies, make(spec)).map(({ field, message }) => `${field}: ${message}`)

test('a policy without policyTypes is about ingress, and about egress too when it has egress rules', () => {
  expect(make(undefined).spec).toEqual({ podSelector: {}, policyTypes: ['Ingress'] })
  expect(make({ egress: [] }).spec?.policyTypes).toEqual(['Ingress'])
  expect(make({ egress: [{}] }).spec?.policyTypes).toEqual(['Ingress', 'Egress'])
  expect(make({ egress: [{}], policyTypes: ['Egress'] }).spec?.policyTypes).toEqual(['Egress'])
})

test('a port without a protocol is a TCP port', () => {
  const { spec } = make({ ingress: [{ ports: [{ port: 80 }] }], egress: [{ ports: [{ protocol: 'UDP' }] }] })
  expect(spec?.ingress?.[0]?.ports).toEqual([{ port: 80, protocol: 'TCP' }])
  expect(spec?.egress?.[0]?.ports).toEqual([{ protocol: 'UDP' }])
})

const from = (peer: object): Spec => ({ ingress: [{ from: [peer] }] })
const port = (item: object): Spec => ({ egress: [{ ports: [item] }] })
const block = (cidr: string, ...except: string[]) => from({ ipBlock: { cidr, except } })

test.each<[string, Spec]>([
  ['spec.ingress[0].from[0]: Required value: must specify a peer', from({})],
  [
    'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
    from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }),
  ],
  ['spec.ingress[0].from[0].ipBlock.cidr: Required value', block('')],
  [
    'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    block('10.0.0.0'),
  ],
  [
    'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.1.0.0/16": must be a strict subset of `cidr`',
    block('10.1.0.0/16', '10.1.0.0/16'),
  ],
  [
    'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "fd00::/64": must be a strict subset of `cidr`',
    block('10.0.0.0/8', '10.1.0.0/16', 'fd00::/64'),
  ],
  [
    'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    block('fd00::/8', 'x'),
  ],
  [
    'spec.ingress[0].from[0].namespaceSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
    from({ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }),
  ],
  ['spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive', port({ port: 0 })],
  [
    'spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    port({ protocol: 'ICMP' }),
  ],
  [
    'spec.egress[0].ports[0].endPort: Invalid value: 90: must be greater than or equal to `port`',
    port({ port: 90, endPort: 80 }),
  ],
  [
    'spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is non-numeric',
    port({ port: 'http', endPort: 80 }),
  ],
  [
    'spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is not specified',
    port({ endPort: 80 }),
  ],
  ['spec.policyTypes[0]: Unsupported value: "Both": supported values: "Egress", "Ingress"', { policyTypes: ['Both'] }],
  [
    'spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes',
    { policyTypes: ['Ingress', 'Egress', 'Ingress'] },
  ],
])('%s', (complaint, spec) => {
  expect(complaints(spec)).toEqual([complaint])
})

test('names of ports are as in pods', () => {
  expect(complaints(port({ port: 'Http' }))[0]).toMatch(/^spec\.egress\[0\]\.ports\[0\]\.port: Invalid value: "Http": /)
})

test('ranges of both families, with what is left out of them, are fine', () => {
  expect(complaints(block('10.0.0.0/8', '10.1.0.0/16', '10.2.3.4/32'))).toEqual([])
  expect(complaints(block('fd00::/8', 'fd00:1::/32'))).toEqual([])
  expect(complaints(block('0.0.0.0/0', '10.0.0.0/8'))).toEqual([])
})

test('the selector is shown as text, and an empty one as none', () => {
  const shown = (spec: Spec) =>
    networkPolicies.columns.map(({ name, cell }) => {
      const { metadata, ...policy } = make(spec)
      const stored = { name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
      return [name, cell({ ...policy, spec: policy.spec ?? {}, metadata: { ...metadata, ...stored } } as never, 0)]
    })
  expect(shown({ podSelector: { matchLabels: { app: 'web', tier: 'a' } } })).toContainEqual([
    'Pod-Selector',
    'app=web,tier=a',
  ])
  expect(shown({})).toContainEqual(['Pod-Selector', '<none>'])
})
