// VXLAN.

import type { BrokenNetwork } from './cases.ts'

/** What a packet from pod a to pod c, on the other node, meets. */
const across = { from: 'a', to: 'c' }
const lost = 'silent' as const

export const tunnels: BrokenNetwork[] = [
  {
    name: 'the tunnel works',
    break: [],
    heal: [],
    ...across,
    expected: { cause: 'none', at: 'c' },
    real: 'answered',
  },
  {
    name: 'no tunnel end is known',
    break: ['node-1: bridge fdb del 02:00:00:00:00:02 dev vxlan0 dst 192.0.2.2'],
    heal: ['node-1: bridge fdb append 02:00:00:00:00:02 dev vxlan0 dst 192.0.2.2'],
    ...across,
    expected: { cause: 'fdb-missing', at: 'node-1', says: /02:00:00:00:00:02/ },
    real: lost,
  },
  {
    name: 'the tunnel leads to the wrong node',
    break: ['node-1: bridge fdb replace 02:00:00:00:00:02 dev vxlan0 dst 192.0.2.200'],
    heal: ['node-1: bridge fdb replace 02:00:00:00:00:02 dev vxlan0 dst 192.0.2.2'],
    ...across,
    expected: { cause: 'fdb-wrong', at: 'node-1', says: /192\.0\.2\.200/ },
    real: lost,
  },
  {
    name: "a firewall drops the tunnel's port",
    break: ['node-2: iptables -I INPUT -p udp --dport 8472 -j DROP'],
    heal: ['node-2: iptables -D INPUT 1'],
    ...across,
    expected: { cause: 'rule', at: 'node-2', says: /8472/ },
    real: lost,
  },
  {
    name: 'the tunnel device of the other node is down',
    break: ['node-2: ip link set vxlan0 down'],
    heal: [
      'node-2: ip link set vxlan0 up',
      'node-2: ip neigh replace 10.244.1.0 lladdr 02:00:00:00:00:01 dev vxlan0 nud permanent',
      'node-2: ip route replace 10.244.1.0/24 via 10.244.1.0 dev vxlan0 onlink proto 96',
      'node-2: bridge fdb append 02:00:00:00:00:01 dev vxlan0 dst 192.0.2.1 || true',
    ],
    ...across,
    expected: { cause: 'link-down', at: 'node-2', says: /vxlan0/ },
    real: lost,
  },
  {
    name: 'the neighbour behind the tunnel is not known',
    break: ['node-1: ip neigh del 10.244.2.0 dev vxlan0'],
    heal: ['node-1: ip neigh replace 10.244.2.0 lladdr 02:00:00:00:00:02 dev vxlan0 nud permanent'],
    ...across,
    expected: { cause: 'neighbour-failed', at: 'node-1', says: /10\.244\.2\.0/ },
    real: lost,
  },
  {
    name: "the neighbour behind the tunnel has another's hardware address",
    break: ['node-1: ip neigh replace 10.244.2.0 lladdr 02:00:00:00:00:77 dev vxlan0 nud permanent'],
    heal: ['node-1: ip neigh replace 10.244.2.0 lladdr 02:00:00:00:00:02 dev vxlan0 nud permanent'],
    ...across,
    expected: { cause: 'fdb-missing', at: 'node-1', says: /02:00:00:00:00:77/ },
    real: lost,
  },
  {
    name: 'the nodes disagree about the number of the network',
    break: [
      'node-2: ip link set vxlan0 down',
      'node-2: ip link del vxlan0',
      'node-2: ip link add vxlan0 address 02:00:00:00:00:02 mtu 1450 type vxlan id 2 local 192.0.2.2 dstport 8472 nolearning',
      'node-2: ip link set vxlan0 up',
    ],
    heal: [
      'node-2: ip link del vxlan0',
      'node-2: ip link add vxlan0 address 02:00:00:00:00:02 mtu 1450 type vxlan id 1 local 192.0.2.2 dstport 8472 nolearning',
      'node-2: ip link set vxlan0 up',
      'node-2: ip addr add 10.244.2.0/32 dev vxlan0',
      'node-2: ip neigh replace 10.244.1.0 lladdr 02:00:00:00:00:01 dev vxlan0 nud permanent',
      'node-2: ip route replace 10.244.1.0/24 via 10.244.1.0 dev vxlan0 onlink proto 96',
      'node-2: bridge fdb append 02:00:00:00:00:01 dev vxlan0 dst 192.0.2.1',
    ],
    ...across,
    expected: { cause: 'no-tunnel', at: 'node-2', says: /network 1/ },
    real: lost,
  },
]
