// Services as nftables serves them: what is missing is an element of a map.

import { balancerIp } from './broken-cluster.ts'
import type { BrokenNetwork } from './cases.ts'

const toWeb = { from: 'a', to: 'web', heal: [], isServices: true }
const refused = 'refused' as const

export const nftables: BrokenNetwork[] = [
  {
    name: 'a Service has no endpoints',
    break: [],
    heal: [],
    from: 'a',
    to: 'none',
    expected: { cause: 'no-endpoints', at: 'node-1', says: /Service default\/none/ },
    real: refused,
  },
  {
    name: "a Service's endpoint does not listen",
    break: [],
    heal: [],
    from: 'a',
    to: 'deaf',
    expected: { cause: 'not-listening', at: 'c', says: /9999/ },
    real: refused,
  },
  {
    name: "a Service's address is asked at a port that it has not",
    break: [],
    heal: [],
    from: 'a',
    to: 'web',
    port: 81,
    expected: { cause: 'not-served', at: 'node-1', says: /Service default\/web/ },
    real: refused,
  },
  {
    name: "a balancer's address is asked by somebody outside its source ranges",
    break: [],
    heal: [],
    from: 'outside',
    to: balancerIp,
    port: 80,
    expected: { cause: 'source-range', at: 'node-2', says: /Service default\/web/ },
    real: 'silent',
  },
  {
    ...toWeb,
    name: "the element of a Service's address is gone",
    break: ['node-1: nft delete element ip kube-proxy service-ips { 10.96.0.5 . tcp . 80 }'],
    expected: { cause: 'not-served', at: 'node-1', says: /Service default\/web/ },
    real: refused,
  },
  {
    ...toWeb,
    name: 'the endpoints of all Services were flushed',
    break: ['node-1: nft flush map ip kube-proxy endpoints'],
    expected: { cause: 'not-served', at: 'node-1' },
    real: refused,
  },
  {
    ...toWeb,
    name: 'the chain that leads to Services was flushed',
    break: ['node-1: nft flush chain ip kube-proxy services'],
    expected: { cause: 'not-served', at: 'node-1' },
    real: refused,
  },
  {
    ...toWeb,
    name: 'the whole table is gone',
    break: ['node-1: nft delete table ip kube-proxy'],
    expected: { cause: 'not-served', at: 'node-1' },
    real: 'silent',
  },
  {
    name: 'the element of a node port is gone',
    break: ['node-2: nft delete element ip kube-proxy service-nodeports { tcp . 30080 }'],
    heal: [],
    from: 'outside',
    to: '192.0.2.2',
    port: 30080,
    expected: { cause: 'not-served', at: 'node-2' },
    real: refused,
    isServices: true,
  },
  {
    name: 'a pod that reaches itself is not masqueraded any more',
    break: ['node-1: nft flush chain ip kube-proxy nat-postrouting'],
    heal: [],
    from: 'a',
    to: 'self',
    expected: { cause: 'martian-source', at: 'a' },
    real: 'silent',
    isServices: true,
  },
]
