// What to do about each cause, in one sentence.

import type { Cause, End } from '../../../api/net/trace.ts'

/** Causes that Fairlead's own repair mends. */
const mended = 'fairlead net verify --repair mends it'

const advice: Record<Exclude<Cause, 'none'>, string> = {
  'address-duplicate': 'give one of them another address',
  'address-missing': 'see whether the pod still lives, and that nobody took its address away',
  'arp-off': 'ip link set DEVICE arp on, there',
  'bridge-nf-off': 'sysctl -w net.bridge.bridge-nf-call-iptables=1, there; or mended by fairlead net verify --repair',
  'chain-policy': 'accept it by a rule of that chain: its owner is not Fairlead',
  'conntrack-full':
    'raise net.netfilter.nf_conntrack_max, or find who opens so many connections (conntrack -S, conntrack -L)',
  'conntrack-stale': 'conntrack -D with the addresses of that entry',
  fault: 'made on purpose: it ends by itself, or by fairlead net fault heal',
  'fdb-missing': mended,
  'fdb-wrong': mended,
  'forwarding-off': `sysctl -w net.ipv4.ip_forward=1 (net.ipv6.conf.all.forwarding=1), there; ${mended}`,
  'hairpin-off': mended,
  'link-down': 'ip link set DEVICE up, there, and see who took it down',
  loop: 'no node has that address: see who routes its range to whom (ip route)',
  'martian-source': 'see who gave the node an address that is not its own, or why the packet was not masqueraded',
  mtu: 'give both ends the same MTU, or a smaller one to the pods',
  'neighbour-failed':
    'see whether that address is still there and its host lives; behind a tunnel, `fairlead net verify` names the entry that is gone',
  'neighbour-wrong': 'ip neigh del ADDRESS dev DEVICE, there: the kernel asks again',
  'no-endpoints': 'see why the Service selects no ready pod: fairlead describe service, fairlead get endpointslices',
  'no-masquerade': mended,
  'no-route': mended,
  'no-tunnel': mended,
  'not-here': 'see who routes the address there: no link of it has it',
  'not-listening': 'see whether the process runs, and at which port it listens; and the targetPort of a Service',
  'not-served': `is there such a port of the Service? If so, rules are missing there: ${mended}`,
  'peer-missing': mended,
  'peer-wrong': `compare wg show on both nodes; ${mended}`,
  policy: 'allow it in a network policy, if it should pass',
  'port-down': 'ip link set PORT up, there; bridge link set dev PORT state 3',
  'port-isolated': 'bridge link set dev PORT isolated off, there',
  'reply-source': 'the answer must come back the way it went: see which node translated the packet',
  'route-blackhole': 'ip route del, there, and see who made that route',
  'route-prohibit': 'ip rule del or ip route del, there, and see who forbids it',
  'route-unreachable': 'ip route del, there, and see who made that route',
  'route-wrong': mended,
  'rp-filter': 'mend the way back, or sysctl -w net.ipv4.conf.DEVICE.rp_filter=2, there',
  rule: 'this rule is not of Fairlead: ask who wrote it, or accept the packet before it',
  'source-lost': 'see which rule masquerades traffic between pods',
  'source-range': 'add the client to spec.loadBalancerSourceRanges, if it should pass',
}

/** What to do; undefined where nothing is wrong. */
export function adviseOn({ cause, rule }: Pick<End, 'cause' | 'rule'>): string | undefined {
  if (cause === 'none') return undefined
  if (cause === 'rule' && rule?.object !== undefined) return `this rule is part of ${rule.object}`
  return advice[cause]
}
