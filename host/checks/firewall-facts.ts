// Firewalls that are switched on, and what they let in, in their own words.

import { run } from '../../cni/linux/exec.ts'
import type { FirewallFacts } from './facts.ts'

/** Those that answer and are on; one that is not on this host is off. */
export async function readFirewalls(): Promise<FirewallFacts[]> {
  const [ufw, firewalld] = await Promise.all([
    run('ufw', ['status']).catch(() => ''),
    run('firewall-cmd', ['--list-all-zones']).catch(() => ''),
  ])
  return [
    ...(/^Status: active/m.test(ufw) ? [{ name: 'ufw' as const, allowed: ufw.split('\n') }] : []),
    // Without its daemon it says so and fails.
    ...(firewalld === '' ? [] : [{ name: 'firewalld' as const, allowed: firewalld.split('\n') }]),
  ]
}
