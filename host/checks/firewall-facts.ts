// Firewalls that are switched on, and what they let in.

import { run } from '../../cni/linux/exec.ts'
import type { FirewalldZone, FirewallFacts } from './facts.ts'

/** Those that answer and are on; one that is not on this host is off. */
export async function readFirewalls(): Promise<FirewallFacts[]> {
  const [ufw, zones, defaultZone] = await Promise.all([
    run('ufw', ['status']).catch(() => ''), // not there, or not root: a check of its own says so
    run('firewall-cmd', ['--list-all-zones']).catch(() => ''), // not there, or its daemon does not run
    run('firewall-cmd', ['--get-default-zone']).catch(() => ''), // the same
  ])
  return [
    ...(/^Status: active/m.test(ufw) ? [{ name: 'ufw' as const, allowed: ufw.split('\n') }] : []),
    ...(zones === '' ? [] : [{ name: 'firewalld' as const, zones: parseZones(zones, defaultZone.trim()) }]),
  ]
}

/**
 * The zones of `firewall-cmd --list-all-zones`. Each begins with a line such as "public (active)", and its own lines are indented.
 * Which one is the default, versions before 2 do not say there.
 */
export function parseZones(listing: string, defaultZone: string): FirewalldZone[] {
  return listing.split(/\n(?=\S)/).flatMap((text) => {
    const name = /^\S+/.exec(text)?.[0]
    return name === undefined ? [] : [{ name, isDefault: name === defaultZone, ...parseZone(text) }]
  })
}

function parseZone(text: string): Omit<FirewalldZone, 'name' | 'isDefault'> {
  // [ \t], as a field may be empty; from the start of a line, as there are "forward-ports:" and "source-ports:" beside "ports:".
  const wordsOf = (field: string) =>
    (new RegExp(`^[ \\t]+${field}:(.*)`, 'm').exec(text)?.[1] ?? '').split(/[\s,]+/).filter((word) => word !== '')
  return {
    target: wordsOf('target')[0] ?? 'default',
    links: wordsOf('interfaces'),
    sources: wordsOf('sources'),
    ports: wordsOf('ports'),
  }
}
