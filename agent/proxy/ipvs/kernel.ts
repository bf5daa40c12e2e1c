// What a node's kernel holds of ours in IPVS mode, read whole.

import type { Family } from '../../../api/objects/addresses.ts'
import { listLinks } from '../../../cni/linux/ip.ts'
import { type IpSet, readSets } from '../../../cni/linux/ipset.ts'
import { readVirtualServers, type VirtualServer } from '../../../cni/linux/ipvs.ts'
import { marksOf } from './marks.ts'
import { setName, setNames } from './sets.ts'

/** The device that holds the addresses of Services. It is a dummy and stays down: local addresses need no more. */
export const deviceName = 'kube-ipvs0'

export interface Kernel {
  hasDevice: boolean
  /** Of kube-ipvs0, with prefix length. */
  addresses: Set<string>
  /** By the words that name them to ipvsadm. */
  servers: Map<string, KernelServer>
  /** "SET ELEMENT" -> what follows it: its comment, its mark. */
  elements: Map<string, string>
  /** Sets of ours that are there. */
  sets: Set<string>
  /** The node's own addresses: all but loopback, link-local ones and those of kube-ipvs0. */
  nodeAddresses: string[]
}

export interface KernelServer {
  options: string
  /** Real server -> weight, and connections when they have been read since it was last written. */
  realServers: Map<string, { weight: number; connections?: number }>
}

/** Reads everything; servers that are neither ours nor wanted are left out. */
export async function readKernel(
  where: { netns?: string },
  isWanted: (server: string) => boolean = () => false,
): Promise<Kernel> {
  // First, since it loads the module that the rest needs.
  const servers = await readVirtualServers(where)
  const [links, allSets] = await Promise.all([listLinks(where), readSets(where)])
  const device = links.find(({ ifname }) => ifname === deviceName)
  const addresses = new Set(
    (device?.addr_info ?? []).filter(isKept).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  )
  const { elements, sets } = flatten(allSets)
  const isOurs = ownership(addresses, elements)
  return {
    hasDevice: device !== undefined,
    addresses,
    servers: new Map(
      [...servers]
        .filter(([key]) => isOurs(key) || isWanted(key))
        .map(([key, server]) => [key, toKernelServer(server)]),
    ),
    elements,
    sets,
    nodeAddresses: links
      .filter(({ ifname }) => ifname !== deviceName && ifname !== 'lo')
      .flatMap(({ addr_info = [] }) => addr_info.filter(isKept).map(({ local }) => local))
      .sort(),
  }
}

const isKept = ({ local }: { local: string }) => !/^fe[89ab]/i.test(local)

function flatten(all: Map<string, IpSet>): Pick<Kernel, 'elements' | 'sets'> {
  const elements = new Map<string, string>()
  const sets = new Set(setNames(['ipv4', 'ipv6']).filter((name) => all.has(name)))
  for (const name of sets)
    for (const [element, rest] of all.get(name)?.elements ?? []) elements.set(`${name} ${element}`, rest)
  return { elements, sets }
}

/**
 * A virtual server is ours when its address is on our device, or when our sets say so: as a node port, a mark, or an
 * external address that is the node's own. Others belong to whoever made them.
 */
function ownership(addresses: ReadonlySet<string>, elements: ReadonlyMap<string, string>): (server: string) => boolean {
  const marks = new Set([...marksOf(elements)].flatMap(([, mark]) => [`-f ${mark}`, `-f ${mark} -6`]))
  return (server) => {
    if (server.startsWith('-f ')) return marks.has(server)
    const [, flag = '', address = '', port = ''] = /^(\S+) \[?([^\]]*?)\]?:(\d+)$/.exec(server) ?? []
    const family: Family = address.includes(':') ? 'ipv6' : 'ipv4'
    const protocol = { '-t': 'tcp', '-u': 'udp' }[flag] ?? 'sctp'
    const element = `${address},${protocol}:${port}`
    const has = (kind: Parameters<typeof setName>[1], key: string) => elements.has(`${setName(family, kind)} ${key}`)
    return (
      addresses.has(`${address}/${family === 'ipv6' ? 128 : 32}`) ||
      (protocol === 'tcp' && has('NODE-PORT-TCP', port)) ||
      (protocol === 'udp' && has('NODE-PORT-UDP', port)) ||
      has('NODE-PORT-SCTP-HASH', element) ||
      (['EXTERNAL-IP', 'EXTERNAL-IP-LOCAL', 'LOAD-BALANCER'] as const).some((kind) => has(kind, element))
    )
  }
}

function toKernelServer({ scheduler, persistenceSeconds, realServers }: VirtualServer): KernelServer {
  return {
    options: `-s ${scheduler}${persistenceSeconds === undefined ? '' : ` -p ${persistenceSeconds}`}`,
    realServers: new Map(realServers),
  }
}
