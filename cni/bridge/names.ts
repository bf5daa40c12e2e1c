// Names and hardware addresses, derived so that nobody has to remember or read them back.

import ipaddr from 'ipaddr.js'

const hostLinkPattern = /^veth[0-9a-f]{10}$/

/** The host's end of a container's cable: 15 characters at most, as the kernel wants. */
export function hostLinkName(containerId: string, ifname: string): string {
  return `veth${hash40(`${containerId}:${ifname}`)}`
}

/**
 * FNV-1a of 64 bits, folded to 40, in hexadecimal: http://www.isthe.com/chongo/tech/comp/fnv. Not node:crypto, which every call of
 * the plugin would wait for longer than for the kernel.
 */
function hash40(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return BigInt.asUintN(40, hash ^ (hash >> 40n))
    .toString(16)
    .padStart(10, '0')
}

/** Whether a link on our bridge is one that hostLinkName made. */
export function isHostLink(name: string): boolean {
  return hostLinkPattern.test(name)
}

/** 0a:58 and the last four bytes of the address: locally administered, and an address that returns has the same hardware address. */
export function toHardwareAddress(ip: string): string {
  const bytes = ipaddr.parse(ip).toByteArray().slice(-4)
  return ['0a', '58', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
