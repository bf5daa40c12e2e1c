// Addresses and ranges in the one form in which the kernel's tools print them, so that texts can be compared. Pure.

import ipaddr from 'ipaddr.js'

/** fd00:0::1 is fd00::1 (RFC 5952). */
export function canonicalAddress(ip: string): string {
  return ip.includes(':') ? ipaddr.IPv6.parse(ip).toRFC5952String() : ip
}

/** 10.1.2.3/8 is 10.0.0.0/8. */
export function canonicalRange(range: string): string {
  const [address, length] = ipaddr.parseCIDR(range)
  const network =
    address instanceof ipaddr.IPv6
      ? ipaddr.IPv6.networkAddressFromCIDR(range).toRFC5952String()
      : ipaddr.IPv4.networkAddressFromCIDR(range).toString()
  return `${network}/${length}`
}
