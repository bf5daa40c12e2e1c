// Names and hardware addresses, derived so that nobody has to remember or read them back.

import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'

const hostLinkPattern = /^veth[0-9a-f]{10}$/

/** The host's end of a container's cable: 15 characters at most, as the kernel wants. */
export function hostLinkName(containerId: string, ifname: string): string {
  return `veth${createHash('sha256').update(`${containerId}:${ifname}`).digest('hex').slice(0, 10)}`
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
