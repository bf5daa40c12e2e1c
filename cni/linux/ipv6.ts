import { existsSync } from 'node:fs'

/**
 * Whether this kernel has IPv6: one that was booted with ipv6.disable=1 has not. `ip -6 route` finds nothing there; but `ip -6 rule`
 * and the ip6tables of the legacy variant fail: "Address family not supported by protocol".
 */
export function hasIpv6(): boolean {
  return existsSync('/proc/net/if_inet6')
}

/** Those that this kernel has. */
export function kernelFamilies(): ('ipv4' | 'ipv6')[] {
  return hasIpv6() ? ['ipv4', 'ipv6'] : ['ipv4']
}
