// The rule that leads a Service port's traffic to its relay, and what such rules of an earlier life tell: where that listened.

import type { Scope } from '../iptables/way.ts'
import { comment, toSocket } from '../iptables/words.ts'
import type { Endpoint, ServicePort } from '../table.ts'

type Target = Pick<Endpoint, 'ip' | 'port'>

/** The name of a relay: of one Service port in one family, for one set of its endpoints. */
export function relayId(
  { id, family, protocol }: Pick<ServicePort, 'id' | 'family' | 'protocol'>,
  scope: Scope,
): string {
  return `${id} ${family} ${protocol} ${scope}`
}

/** Rule text, in the very form in which iptables-save prints it. */
export function planRedirect({ id, protocol }: ServicePort, scope: Scope, target: Target): string {
  return `-p ${protocol} ${comment(`${id} ${scope}`)} -j DNAT --to-destination ${toSocket(target)}`
}

/** Ports that rules lead to at this address of the node, by relay. */
export function parseRedirects(
  rules: Iterable<string>,
  host: Target['ip'],
  family: ServicePort['family'],
): Map<string, number> {
  const found = new Map<string, number>()
  for (const rule of rules) {
    const parts =
      /^-p (tcp|udp) -m comment --comment "(\S+) (cluster|local)" -j DNAT --to-destination (\S+):(\d+)$/.exec(rule)
    if (parts === null) continue
    const [, protocol, id, scope, ip, port] = parts
    if (ip === (family === 'ipv6' ? `[${host}]` : host)) found.set(`${id} ${family} ${protocol} ${scope}`, Number(port))
  }
  return found
}
