// IP addresses and ranges as objects name them. Equal ones are equal texts in their canonical form, which is also the form in
// which ip, nft and iptables print them. Pure.

import ipaddr from 'ipaddr.js'

export type Family = 'ipv4' | 'ipv6'

/** The family as Services name it. */
export type IpFamily = 'IPv4' | 'IPv6'

/** The family of an address or a range. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}

/** The family of an address or a range, as Services name it. */
export function ipFamilyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

/** fd00:0::1 is fd00::1 (RFC 5952). Throws for what is no address. */
export function canonicalAddress(address: string): string {
  return ipaddr.parse(address).toString()
}

/** The URL of a server by TLS; an IPv6 address gets its brackets. */
export function httpsUrl(host: string, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The host that an address is of, however it is written: ::FFFF:192.0.2.1 is 192.0.2.1. undefined for what is no address. */
export function hostAddress(address: string): string | undefined {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : undefined
}

/** 10.1.2.3/08 is 10.0.0.0/8. Throws for what is no range. */
export function canonicalRange(range: string): string {
  const family = range.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4
  return `${family.networkAddressFromCIDR(range)}/${Number(range.split('/')[1])}`
}

/** Whether the address is of the range. Throws for what is no address or no range. */
export function isInRange(address: string, range: string): boolean {
  const [network, bits] = ipaddr.parseCIDR(range)
  const parsed = ipaddr.parse(address)
  return parsed.kind() === network.kind() && parsed.match(network, bits)
}

/** Whether two ranges have an address in common: then one is within the other. Throws for what is no range. */
export function rangesOverlap(a: string, b: string): boolean {
  const [one, bitsOfOne] = ipaddr.parseCIDR(a)
  const [other, bitsOfOther] = ipaddr.parseCIDR(b)
  return one.kind() === other.kind() && one.match(other, Math.min(bitsOfOne, bitsOfOther))
}
