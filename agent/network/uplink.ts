// Which of this node's links carry its addresses, and what is near on them.

import ipaddr from 'ipaddr.js'
import { type Link, listLinks } from '../../cni/linux/ip.ts'
import type { Uplink } from './plan.ts'

/** The links of these addresses of the node, in their order. */
export async function readUplinks(addresses: readonly string[]): Promise<Uplink[]> {
  const links = await listLinks()
  return addresses.map((address) => {
    const wanted = ipaddr.parse(address).toString()
    const link = links.find(({ addr_info = [] }) => addr_info.some(({ local }) => local === wanted))
    return { address: wanted, ...(link && { link: toUplink(link) }) }
  })
}

function toUplink({ ifname, mtu, addr_info = [] }: Link): Uplink['link'] {
  const subnets = addr_info
    .filter(({ scope }) => scope === 'global')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  return { dev: ifname, mtu, subnets }
}
