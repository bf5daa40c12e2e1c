// Firewalls that are switched on, and what they let in, in their own words.

import { run } from '../../cni/linux/exec.ts'
import type { FirewallFacts } from './facts.ts'

/** Those that answer and are on; one that is not on this host is off. */
export async function readFirewalls(): Promise<FirewallFacts[]> {
  const [ufw, zones, defaultZone] = await Promise.all([
    run('ufw', ['status']).catch(() => ''), // not there, or not root: a check of its own says so
    run('firewall-cmd', ['--list-all-zones']).catch(() => ''), // not there, or its daemon does not run
    run('firewall-cmd', ['--get-default-zone']).catch(() => ''), // the same
  ])
  return [
    ...(/^Status: active/m.test(ufw) ? [{ name: 'ufw' as const, allowed: ufw.split('\n') }] : []),
    ...(zones === '' ? [] : [{ name: 'firewalld' as const, allowed: linesOfUsedZones(zones, defaultZone.trim()) }]),
  ]
}

/**
 * Of `firewall-cmd --list-all-zones` the zones that packets from outside can be in. A zone begins with a line such as "public
 * (active)" and its own lines are indented; one without links and sources is not active, and the default one has all links that
 * no other has. Docker's is that of its bridges.
 */
export function linesOfUsedZones(listing: string, defaultZone: string): string[] {
  const isUsed = (zone: string) => {
    const [, name = '', state = ''] = /^(\S+)(.*)/.exec(zone) ?? []
    return name === defaultZone || (name !== 'docker' && /\bactive\b/.test(state))
  }
  const zones = listing.split(/\n(?=\S)/).filter(isUsed)
  return zones.flatMap((zone) => zone.split('\n'))
}
