// Services as nftables serves them: what is missing is an element of a map.

import { anyMode, toNodePort, toSelf, toWeb, toWeb6 } from './any-mode.ts'
import type { BrokenNetwork } from './cases.ts'

export const nftables: BrokenNetwork[] = [
  ...anyMode((name) => new RegExp(`Service default/${name}\\b`)),
  {
    ...toWeb,
    name: "the element of a Service's address is gone",
    break: ['node-1: nft delete element ip kube-proxy service-ips { 10.96.0.5 . tcp . 80 }'],
    expected: { cause: 'not-served', at: 'node-1', says: /Service default\/web/ },
  },
  {
    ...toWeb6,
    name: "the element of an IPv6 Service's address is gone",
    break: ['node-1: nft delete element ip6 kube-proxy service-ips { fd00:10:96::5 . tcp . 80 }'],
    expected: { cause: 'not-served', at: 'node-1', says: /Service default\/web6/ },
  },
  {
    ...toWeb,
    name: 'the endpoints of all Services were flushed',
    break: ['node-1: nft flush map ip kube-proxy endpoints'],
    expected: { cause: 'not-served', at: 'node-1' },
  },
  {
    ...toWeb6,
    name: 'the endpoints of all IPv6 Services were flushed',
    break: ['node-1: nft flush map ip6 kube-proxy endpoints'],
    expected: { cause: 'not-served', at: 'node-1' },
  },
  {
    ...toWeb,
    name: 'the chain that leads to Services was flushed',
    break: ['node-1: nft flush chain ip kube-proxy services'],
    expected: { cause: 'not-served', at: 'node-1' },
  },
  {
    ...toWeb,
    name: 'the whole table is gone',
    break: ['node-1: nft delete table ip kube-proxy'],
    expected: { cause: 'not-served', at: 'node-1' },
    real: 'silent',
  },
  {
    ...toNodePort,
    name: 'the element of a node port is gone',
    break: ['node-2: nft delete element ip kube-proxy service-nodeports { tcp . 30080 }'],
    expected: { cause: 'not-served', at: 'node-2' },
  },
  {
    ...toSelf,
    name: 'a pod that reaches itself is not masqueraded any more',
    break: ['node-1: nft flush chain ip kube-proxy nat-postrouting'],
    expected: { cause: 'martian-source', at: 'a' },
  },
]
