// Services as iptables serves them.

import { anyMode, toNodePort, toSelf, toWeb, toWeb6 } from './any-mode.ts'
import { clusterIps } from './broken-cluster.ts'
import type { BrokenNetwork } from './cases.ts'

const lost = 'silent' as const
const notServed = { cause: 'not-served', at: 'node-1' } as const

export const services: BrokenNetwork[] = [
  ...anyMode(() => /no Service has this address and port/),
  {
    name: "a Service's endpoint is nobody's address",
    break: [],
    heal: [],
    from: 'a',
    to: 'gone',
    expected: { cause: 'neighbour-failed', at: 'node-2', says: /10\.244\.2\.99/ },
    real: lost,
  },
  {
    ...toWeb,
    name: 'the list of Services was flushed',
    break: ['node-1: iptables -t nat -F KUBE-SERVICES'],
    expected: notServed,
  },
  {
    ...toWeb6,
    name: 'the list of IPv6 Services was flushed',
    break: ['node-1: ip6tables -t nat -F KUBE-SERVICES'],
    expected: notServed,
  },
  {
    ...toWeb,
    name: "a Service's chain was emptied",
    break: ['node-1: iptables -t nat -F {chain of web}'],
    expected: notServed,
  },
  {
    ...toWeb,
    name: 'the jump to the Services was removed',
    break: ['node-1: iptables -t nat -D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES'],
    expected: notServed,
  },
  {
    ...toWeb6,
    name: 'the jump to the IPv6 Services was removed',
    break: [
      'node-1: ip6tables -t nat -D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    ],
    expected: notServed,
  },
  {
    ...toNodePort,
    name: "the node port's door was flushed",
    break: ['node-2: iptables -t nat -F KUBE-NODEPORTS'],
    expected: { cause: 'not-served', at: 'node-2' },
  },
  {
    ...toSelf,
    name: 'the marks for masquerading are gone, so the answer of a node port goes astray',
    break: ['node-1: iptables -t nat -F KUBE-MARK-MASQ'],
    expected: { cause: 'martian-source', at: 'a' },
  },
  {
    name: 'bridged packets pass no connection tracking',
    break: ['node-1: sysctl -qw net.bridge.bridge-nf-call-iptables=0'],
    heal: ['node-1: sysctl -qw net.bridge.bridge-nf-call-iptables=1'],
    from: 'a',
    to: 'near',
    expected: { cause: 'bridge-nf-off', at: 'a', says: /bridge-nf-call-iptables/, as: 'reply' },
    real: lost,
  },
  {
    name: 'an old UDP entry leads to an endpoint that is gone',
    break: [
      `node-1: conntrack -I -p udp -t 300 -u SEEN_REPLY,ASSURED -s {ip of a} -d ${clusterIps.web} --sport 40000 --dport 80 -r ${clusterIps.web} -q {ip of a} --reply-port-src 80 --reply-port-dst 40000 --dst-nat 10.244.2.99:8080`,
    ],
    heal: ['node-1: conntrack -D -p udp -d 10.96.0.5'],
    from: 'a',
    to: 'web',
    protocol: 'udp',
    sourcePort: 40_000,
    expected: { cause: 'conntrack-stale', at: 'node-2', says: /10\.244\.2\.99/ },
    real: lost,
  },
]
