// Policies as the public suites have them (the netpol tests of Kubernetes' sig-network, cyclonus): the name says what is
// asked, the steps say what is changed before each look at the whole truth table. Three namespaces x, y, z (labels ns=x …)
// with pods a, b, c (labels pod=a …); every pod answers on ports 80 and 81, TCP and UDP.

import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/generated/types.ts'
import type { PolicyWorld } from './policy-world.ts'

type Spec = NonNullable<NetworkPolicy['spec']>
type Step = (world: PolicyWorld) => void

const policy = (namespace: string, name: string, spec: Spec): NetworkPolicy => ({ metadata: { namespace, name }, spec })

/** Sets a policy of namespace x. */
const put =
  (spec: Spec, name = 'p', namespace = 'x'): Step =>
  (world) =>
    world.setPolicy(policy(namespace, name, spec))

const drop =
  (key = 'x/p'): Step =>
  (world) =>
    world.policies.delete(key)

const nothing: Step[] = []
const both =
  (...steps: Step[]): Step =>
  (world) => {
    for (const step of steps) step(world)
  }

const pod = (name: string) => ({ matchLabels: { pod: name } })
const ns = (name: string) => ({ matchLabels: { ns: name } })
const among = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }],
})

const onA = { podSelector: pod('a') }
const ingress = (from: NetworkPolicyPeer[] | undefined, ports?: NetworkPolicyPort[], more: Spec = onA): Spec => ({
  ...more,
  policyTypes: ['Ingress'],
  ingress: [{ ...(from && { from }), ...(ports && { ports }) }],
})
const egress = (to: NetworkPolicyPeer[] | undefined, ports?: NetworkPolicyPort[], more: Spec = onA): Spec => ({
  ...more,
  policyTypes: ['Egress'],
  egress: [{ ...(to && { to }), ...(ports && { ports }) }],
})
const tcp = (port: number | string, endPort?: number): NetworkPolicyPort => ({
  protocol: 'TCP',
  port,
  ...(endPort !== undefined && { endPort }),
})
const udp = (port: number | string): NetworkPolicyPort => ({ protocol: 'UDP', port })

const relabelPod =
  (key: string, labels: Record<string, string>): Step =>
  (world) => {
    const found = world.pods.get(key)
    if (found !== undefined) world.pods.set(key, { ...found, labels })
  }
const relabelNamespace =
  (name: string, labels: Record<string, string>): Step =>
  (world) =>
    void world.namespaces.set(name, labels)

/** Name -> steps, each followed by a look at everything. */
export const cases: [name: string, steps: Step[]][] = [
  ['no policy at all', nothing],
  ['deny all ingress of a namespace', [put({ podSelector: {}, policyTypes: ['Ingress'] })]],
  ['deny all egress of a namespace', [put({ podSelector: {}, policyTypes: ['Egress'] })]],
  ['deny both', [put({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })]],
  ['without policyTypes and rules it is about ingress', [put({ podSelector: {} })]],
  ['without policyTypes but with egress rules it is about both', [put({ ...onA, egress: [{ ports: [tcp(80)] }] })]],
  ['an empty rule allows everything', [put({ podSelector: {}, ingress: [{}] }), put({ ...onA, egress: [{}] })]],
  ['an empty selector of pods is the whole own namespace', [put(ingress([{ podSelector: {} }]))]],
  ['an empty selector of namespaces is the cluster', [put(ingress([{ namespaceSelector: {} }]))]],
  ['from pods by label', [put(ingress([{ podSelector: pod('b') }]))]],
  ['from namespaces by label', [put(ingress([{ namespaceSelector: ns('y') }]))]],
  [
    'from pods of a namespace: both selectors in one peer',
    [put(ingress([{ namespaceSelector: ns('y'), podSelector: pod('b') }]))],
  ],
  [
    'from pods or from a namespace: two peers',
    [put(ingress([{ namespaceSelector: ns('y') }, { podSelector: pod('b') }]))],
  ],
  ['to pods of a namespace', [put(egress([{ namespaceSelector: ns('y'), podSelector: pod('b') }]))]],
  ['to namespaces, by expression', [put(egress([{ namespaceSelector: among('ns', 'NotIn', 'x', 'z') }]))]],
  [
    'pods by In, namespaces by In',
    [put(ingress([{ namespaceSelector: among('ns', 'In', 'x', 'y'), podSelector: among('pod', 'In', 'a', 'b') }]))],
  ],
  [
    'pods by Exists and DoesNotExist',
    [
      put(ingress([{ namespaceSelector: {}, podSelector: among('role', 'DoesNotExist') }])),
      relabelPod('y/b', { pod: 'b', role: 'db' }),
      put(ingress([{ namespaceSelector: {}, podSelector: among('role', 'Exists') }])),
    ],
  ],
  [
    'isolated pods chosen by expression',
    [
      put(ingress([], [tcp(80)], { podSelector: among('pod', 'NotIn', 'a') })),
      put(ingress([{ podSelector: pod('c') }], undefined, { podSelector: among('pod', 'In', 'a', 'b') })),
    ],
  ],
  ['a port', [put(ingress(undefined, [tcp(80)]))]],
  [
    'UDP does not open TCP, nor the other way round',
    [put(ingress(undefined, [udp(80)])), put(ingress(undefined, [tcp(81)]))],
  ],
  ['SCTP opens neither TCP nor UDP', [put(ingress(undefined, [{ protocol: 'SCTP', port: 80 }, { protocol: 'SCTP' }]))]],
  ['a whole protocol', [put(ingress(undefined, [{ protocol: 'UDP' }])), put(egress(undefined, [{ protocol: 'TCP' }]))]],
  ['several ports of both protocols', [put(egress(undefined, [tcp(80), udp(81), tcp(81)]))]],
  ['a port by name, for those who come', [put(ingress(undefined, [tcp('web')], { podSelector: {} }))]],
  [
    'a port by name, where one goes: another number in another pod',
    [put(egress(undefined, [tcp('web'), udp('serve-81-udp')]))],
  ],
  ['a name of the wrong protocol opens nothing', [put(ingress(undefined, [udp('web')]))]],
  [
    'a range of ports',
    [
      put(ingress(undefined, [tcp(79, 80)])),
      put(ingress(undefined, [tcp(80, 90)])),
      put(ingress(undefined, [tcp(82, 90)])),
    ],
  ],
  ['peers and ports together', [put(ingress([{ namespaceSelector: ns('y') }], [tcp(80), udp('serve-80-udp')]))]],
  [
    'two rules are not one',
    [
      put({
        ...onA,
        policyTypes: ['Ingress'],
        ingress: [
          { from: [{ podSelector: pod('b') }], ports: [tcp(80)] },
          { from: [{ namespaceSelector: ns('z') }], ports: [udp(81)] },
        ],
      }),
    ],
  ],
  ['a block of addresses', [put(ingress([{ ipBlock: { cidr: '10.244.2.0/24' } }]))]],
  [
    'a block with exceptions',
    [
      put(ingress([{ ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.1.0/24', '10.244.2.2/32'] } }])),
      put(egress([{ ipBlock: { cidr: '10.244.2.0/24', except: ['10.244.2.2/31'] } }])),
    ],
  ],
  [
    'an exception in one block, allowed by another',
    [
      put(
        ingress([
          { ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.2.0/24'] } },
          { ipBlock: { cidr: '10.244.2.4/30' } },
        ]),
      ),
    ],
  ],
  ['the whole of IPv4 says nothing of IPv6', [put(egress([{ ipBlock: { cidr: '0.0.0.0/0' } }]))]],
  [
    'blocks of IPv6',
    [put(ingress([{ ipBlock: { cidr: 'fd00:244:2::/64', except: ['fd00:244:2::2/128'] } }], [tcp(80)]))],
  ],
  [
    'blocks and pods together, with a name of a port',
    [put(ingress([{ ipBlock: { cidr: '10.244.2.0/24' } }, { podSelector: pod('c') }], [tcp('web')]))],
  ],
  [
    'policies add up',
    [
      both(
        put({ podSelector: {}, policyTypes: ['Ingress'] }, 'deny'),
        put(ingress([{ podSelector: pod('b') }], [tcp(80)]), 'one'),
        put(ingress([{ namespaceSelector: ns('y') }], [tcp(81)]), 'two'),
      ),
      drop('x/one'),
      drop('x/deny'),
    ],
  ],
  [
    'egress and ingress must both allow',
    [
      both(
        put(egress([{ namespaceSelector: ns('y') }], undefined, { podSelector: {} }), 'out'),
        put(
          ingress([{ namespaceSelector: ns('x'), podSelector: pod('b') }], undefined, { podSelector: {} }),
          'in',
          'y',
        ),
      ),
    ],
  ],
  [
    'egress of one namespace, ingress of another, both denied but for one port',
    [
      both(
        put({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }, 'deny'),
        put({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }, 'deny', 'y'),
        put(egress([{ namespaceSelector: ns('y') }], [udp(80)], { podSelector: {} }), 'out'),
        put(ingress([{ namespaceSelector: ns('x') }], [udp(80), tcp(81)], { podSelector: pod('c') }), 'in', 'y'),
      ),
    ],
  ],
  [
    'a policy is changed, and deleted',
    [
      put(ingress([{ podSelector: pod('b') }])),
      put(ingress([{ podSelector: pod('c') }])),
      put({ podSelector: pod('b'), policyTypes: ['Egress'] }),
      drop(),
    ],
  ],
  [
    "a pod's labels change: as peer, and as the isolated one",
    [
      put(ingress([{ namespaceSelector: {}, podSelector: { matchLabels: { role: 'client' } } }])),
      relabelPod('y/c', { pod: 'c', role: 'client' }),
      relabelPod('x/b', { pod: 'a' }),
      relabelPod('x/a', { pod: 'b' }),
    ],
  ],
  [
    "a namespace's labels change",
    [
      put(ingress([{ namespaceSelector: { matchLabels: { team: 'red' } } }])),
      relabelNamespace('y', { ns: 'y', team: 'red' }),
      relabelNamespace('y', { ns: 'z', team: 'blue' }),
      relabelNamespace('z', { ns: 'z', team: 'red' }),
    ],
  ],
  [
    'a namespace by its name',
    [put(ingress([{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'z' } } }]))],
  ],
  [
    'a selector that nobody fits',
    [put(ingress([{ podSelector: pod('nobody') }])), put(egress([{ namespaceSelector: ns('q') }]))],
  ],
  [
    'names so long that they are cut do not clash',
    [
      both(
        put(ingress([{ podSelector: pod('b') }]), `${'long'.repeat(60)}-1`),
        put(ingress([{ podSelector: pod('c') }], undefined, { podSelector: pod('b') }), `${'long'.repeat(60)}-2`),
      ),
    ],
  ],
]
