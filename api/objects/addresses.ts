// IP addresses and ranges as objects name them. Equal ones are equal texts in their canonical form, which is also the form in
// which ip, nft and iptables print them. Pure.

import { BlockList, isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Family = 'ipv4' | 'ipv6'

/** The family as Services name it. */
export type IpFamily = 'IPv4' | 'IPv6'

/** Whether the text is an address that means the same everywhere: a zone, as in fe80::1%eth0, names a link of one host. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%')
}

/** Why the text is no address, in Kubernetes' words. */
export function whyNotAddress(text: string): string | undefined {
  return isAddress(text) ? undefined : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
}

const specialAddresses: readonly (readonly [BlockList, why: string])[] = [
  [listOf('0.0.0.0/32', '::/128'), 'may not be unspecified (0.0.0.0 or ::)'],
  [listOf('127.0.0.0/8', '::1/128'), 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [listOf('169.254.0.0/16', 'fe80::/10'), 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [listOf('224.0.0.0/24', 'ff02::/16'), 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
]

function listOf(...ranges: string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [network = '', bits] = range.split('/')
    list.addSubnet(network, Number(bits), familyOf(network))
  }
  return list
}

/** Why the text is no address of a machine in a network: each host has a loopback and links of its own. ::ffff:127.0.0.1 is 127.0.0.1. */
export function whyNotMachineAddress(text: string): string | undefined {
  return whyNotAddress(text) ?? specialAddresses.find(([list]) => list.check(text, familyOf(text)))?.[1]
}

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
