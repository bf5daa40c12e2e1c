// What the flags of the control plane, of agents and of the hosts' commands say of a cluster's network, in the same words.

import { addressAt } from './address-range.ts'

/** How pods reach pods on other nodes: by routes alone; through VXLAN where no route can lead; encrypted, to all nodes. */
export const networkKinds = ['host-gw', 'vxlan', 'wireguard'] as const

/** How Services are served. */
export const proxyModes = ['iptables', 'ipvs', 'nftables', 'userspace'] as const

/** What --proxy-mode takes; with "none" somebody else serves them. */
export const proxyModeWords = [...proxyModes, 'none'] as const

const dnsIndex = 10

/**
 * Where clusters have their DNS server: the tenth address of the first range of Services, 10.96.0.10 of 10.96.0.0/16. serviceCidr:
 * one range a family, with a comma between. Throws an Error that names the flags when the range is too small.
 */
export function dnsAddressOf(serviceCidr: string): string {
  const [range = ''] = serviceCidr.split(',')
  try {
    return addressAt(range, dnsIndex)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `--service-cidr: ${why}, which the cluster's DNS server would have: ` +
        'take a range of 16 addresses at least, or give its address with --cluster-dns',
      { cause },
    )
  }
}
