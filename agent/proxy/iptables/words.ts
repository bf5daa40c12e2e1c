// The words of rules that differ between the two address families, and those that all rules share: in the very form in which
// iptables-save and ip6tables-save print them.

import type { Family } from '../../../api/objects/addresses.ts'
import type { Endpoint } from '../table.ts'

interface Words {
  /** Length of a prefix that is one address. */
  hostBits: 32 | 128
  /** Of `-m recent`: by what a client is remembered, its whole address. */
  mask: string
  reject: string
  loopback: string
}

export const words: Record<Family, Words> = {
  ipv4: {
    hostBits: 32,
    mask: '255.255.255.255',
    reject: '-j REJECT --reject-with icmp-port-unreachable',
    loopback: '127.0.0.0/8',
  },
  ipv6: {
    hostBits: 128,
    mask: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    reject: '-j REJECT --reject-with icmp6-port-unreachable',
    loopback: '::1/128',
  },
}

/** The text always has a character (/ or a space) for which iptables-save quotes. */
export const comment = (text: string) => `-m comment --comment "${text}"`

/** What has this mark leaves the node with the node's own address. */
export const markMasquerade = '-j KUBE-MARK-MASQ'

/** One address as a range. */
export function toHostRange(ip: string): string {
  return `${ip}/${ip.includes(':') ? words.ipv6.hostBits : words.ipv4.hostBits}`
}

/** Address and port as DNAT wants them. */
export function toSocket({ ip, port }: Pick<Endpoint, 'ip' | 'port'>): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}
