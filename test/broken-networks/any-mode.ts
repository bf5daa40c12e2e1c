// Services, and what every proxy mode must have said of them; ways to Services that each mode breaks in its own words.

import { balancerIp } from './broken-cluster.ts'
import type { BrokenNetwork } from './cases.ts'

type Way = Pick<BrokenNetwork, 'heal' | 'from' | 'to' | 'port' | 'isServices' | 'real'>

/** The proxy mends its own rules. */
const mended: Pick<BrokenNetwork, 'heal' | 'isServices' | 'real'> = { heal: [], isServices: true, real: 'refused' }
/** From pod a to pod c, through a ClusterIP. */
export const toWeb: Way = { ...mended, from: 'a', to: 'web' }
/** The same by IPv6. */
export const toWeb6: Way = { ...toWeb, to: 'web6' }
/** From outside to a node port. */
export const toNodePort: Way = { ...mended, from: 'outside', to: '192.0.2.2', port: 30080 }
/** From pod a to itself, whose answer misses the node when the packet was not masqueraded: to itself it came from nowhere. */
export const toSelf: Way = { ...mended, from: 'a', to: 'self', real: 'silent' }

/** What every mode must tell; each has its own words for a port that Service default/NAME has not. */
export const anyMode = (sayUnserved: (name: string) => RegExp): BrokenNetwork[] => [
  {
    name: 'a Service has no endpoints',
    break: [],
    heal: [],
    from: 'a',
    to: 'none',
    expected: { cause: 'no-endpoints', at: 'node-1', says: /Service default\/none/ },
    real: 'refused',
  },
  {
    name: 'an IPv6 Service has no endpoints',
    break: [],
    heal: [],
    from: 'a',
    to: 'none6',
    expected: { cause: 'no-endpoints', at: 'node-1', says: /Service default\/none6/ },
    real: 'refused',
  },
  {
    name: "a Service's endpoint does not listen",
    break: [],
    heal: [],
    from: 'a',
    to: 'deaf',
    expected: { cause: 'not-listening', at: 'c', says: /9999/ },
    real: 'refused',
  },
  {
    name: "a Service's address is asked at a port that it has not",
    break: [],
    heal: [],
    from: 'a',
    to: 'web',
    port: 81,
    expected: { cause: 'not-served', at: 'node-1', says: sayUnserved('web') },
    real: 'refused',
  },
  {
    name: "an IPv6 Service's address is asked at a port that it has not",
    break: [],
    heal: [],
    from: 'a',
    to: 'web6',
    port: 81,
    expected: { cause: 'not-served', at: 'node-1', says: sayUnserved('web6') },
    real: 'refused',
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
    name: "another firewall drops an IPv6 Service's packets behind the translation",
    break: ['node-1: ip6tables -I FORWARD -d fd00:10:244:2::2 -p tcp --dport 8081 -j DROP'],
    heal: ['node-1: ip6tables -D FORWARD 1'],
    from: 'a',
    to: 'web6',
    expected: { cause: 'rule', at: 'node-1', says: /8081/ },
    real: 'silent',
  },
  {
    name: 'hairpin is off, and a pod reaches itself through its IPv6 Service',
    break: ['node-1: bridge link set dev to-a hairpin off'],
    heal: ['node-1: bridge link set dev to-a hairpin on'],
    from: 'a',
    to: 'self6',
    expected: { cause: 'hairpin-off', at: 'node-1', says: /to-a/ },
    real: 'silent',
  },
]
