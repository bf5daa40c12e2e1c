// Firewalls that are switched on, and what they let in, in their own words.

import { run } from '../../cni/linux/exec.ts'
import type { FirewallFacts } from './facts.ts'

/** Those that answer and are on; one that is not on this host is off. */
export async function readFirewalls(): Promise<FirewallFacts[]> {
  const [ufw, firewalld] = await Promise.all([
    run('ufw', ['status']).catch(() => ''), // not there, or not root: a check of its own says so
    run('firewall-cmd', ['--list-all-zones']).catch(() => ''), // not there, or its daemon does not run
  ])
  return [
    ...(/^Status: active/m.test(ufw) ? [{ name: 'ufw' as const, allowed: ufw.split('\n') }] : []),
    ...(firewalld === '' ? [] : [{ name: 'firewalld' as const, allowed: linesOfUsedZones(firewalld) }]),
  ]
}

/**
 * Of `firewall-cmd --list-all-zones` the zones that packets from outside can be in. A zone begins with a line such as "public
 * (default, active)" and its own lines are indented; one without links and sources is not active. Docker's is that of its bridges.
 */
export function linesOfUsedZones(listing: string): string[] {
  const zones = listing.split(/\n(?=\S)/).filter((zone) => /^(?!docker )\S+ \(.*\b(active|default)\b.*\)/.test(zone))
  return zones.flatMap((zone) => zone.split('\n'))
}
