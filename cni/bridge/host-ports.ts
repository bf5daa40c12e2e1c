// Host ports: ports of the node that lead to a pod, as elements of maps in the table `inet fairlead-<bridge>`. Constant
// cost a packet, one element a port; the table's chains run just before those of iptables, so that a host port counts
// before a node port of the same number.

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { deleteConnections } from '../linux/conntrack.ts'
import { CommandError } from '../linux/exec.ts'
import { listTable, runNft } from '../linux/nft.ts'
import { writeSysctls } from '../linux/sysctl.ts'
import { CniError, errorCodes, invalidConfig } from '../spec.ts'
import { formatElement, formatTable, type HostPort, hostPortTable, parseHostPorts } from './host-port-table.ts'

/** An entry of the capability "portMappings" of the CNI conventions. */
export interface PortMapping {
  hostPort: number
  containerPort: number
  protocol: string
  /** Any address of the node when absent, "", "0.0.0.0" or "::". */
  hostIP?: string
}

/** Reads runtimeConfig.portMappings. Throws a CniError. */
export function parsePortMappings(value: unknown): PortMapping[] {
  if (!Array.isArray(value)) throw invalidConfig('runtimeConfig.portMappings', value, 'must be a list')
  return value.filter(({ hostPort }) => hostPort !== 0).map(parseMapping)
}

function parseMapping(value: Record<string, unknown>): PortMapping {
  const { hostPort, containerPort, protocol = 'tcp', hostIP, hostIp } = value
  const isPort = (port: unknown): port is number => typeof port === 'number' && port > 0 && port < 65_536
  if (!isPort(hostPort) || !isPort(containerPort))
    throw invalidConfig('runtimeConfig.portMappings', value, 'ports must be from 1 to 65535')
  if (typeof protocol !== 'string' || !/^(tcp|udp|sctp)$/i.test(protocol))
    throw invalidConfig('runtimeConfig.portMappings', value, 'protocol must be tcp, udp or sctp')
  const address = parseHostIp(hostIP ?? hostIp ?? '')
  return { hostPort, containerPort, protocol: protocol.toLowerCase(), ...(address !== '' && { hostIP: address }) }
}

/** As nft prints it, "" for any. Nobody before has looked at what a pod says here, and it becomes a word of nft's text. */
function parseHostIp(value: unknown): string {
  if (value === '') return ''
  if (typeof value !== 'string' || isIP(value) === 0 || value.includes('%'))
    throw invalidConfig('runtimeConfig.portMappings', value, 'hostIP must be an IP address')
  const address = ipaddr.process(value).toString()
  return ['0.0.0.0', '::'].includes(address) ? '' : address
}

/** The elements of a pod: each mapping in every family that the pod has and the host's address is of. Pure. */
export function planHostPorts(
  mappings: readonly PortMapping[],
  addresses: readonly string[],
  comment: string,
): HostPort[] {
  const isIpv6 = (address: string) => address.includes(':')
  const selves = addresses.map((address) => ({
    map: isIpv6(address) ? 'self6' : 'self4',
    key: `${address} . ${address}`,
    target: '',
    comment,
  }))
  const ports = mappings.flatMap(({ hostPort, containerPort, protocol, hostIP }) =>
    addresses
      .filter((address) => hostIP === undefined || isIpv6(hostIP) === isIpv6(address))
      .map((address) => ({
        map: `${hostIP === undefined ? 'any' : 'one'}${isIpv6(address) ? '6' : '4'}`,
        key: `${hostIP === undefined ? '' : `${hostIP} . `}${protocol} . ${hostPort}`,
        target: `${address} . ${containerPort}`,
        comment,
      })),
  )
  return ports.length === 0 ? [] : [...selves, ...ports]
}

/** Opens the ports. Throws a CniError when another pod has one of them; then none is open. */
export async function openHostPorts(bridge: string, ports: readonly HostPort[]): Promise<void> {
  if (ports.length === 0) return
  const elements = ports.map((port) => formatElement(bridge, port)).join('\n')
  try {
    await runNft(elements).catch(async (error: unknown) => {
      if (!hasWords(error, 'No such file or directory')) throw error
      await makeTable(bridge)
      await runNft(elements)
    })
  } catch (error) {
    if (!hasWords(error, 'File exists')) throw error
    const names = ports
      .filter(({ target }) => target !== '')
      .map(({ key }) => key.replaceAll(' . ', '/'))
      .join(', ')
    throw new CniError(errorCodes.ioFailure, `a host port of ${names} is another pod's`, '', error)
  }
  await forgetDatagrams(ports)
}

/** Closes every port that leads to an address which the predicate picks. */
export async function closeHostPorts(bridge: string, isGone: (address: string) => boolean): Promise<void> {
  const ports = (await readHostPorts(bridge)) ?? []
  await removeHostPorts(
    bridge,
    ports.filter(({ target, key }) => isGone((target || key).split(' . ')[0] ?? '')),
  )
}

/** Closes ports that are open. */
export async function removeHostPorts(bridge: string, ports: readonly HostPort[]): Promise<void> {
  const table = hostPortTable(bridge)
  const lines = ports.map(({ map, key }) => `delete element ${table} ${map} { ${key} }`)
  if (lines.length > 0) await runNft(lines.join('\n'))
  await forgetDatagrams(ports)
}

/** Adds the table and these ports wherever they lack. */
export async function mendHostPorts(bridge: string, ports: readonly HostPort[]): Promise<void> {
  await makeTable(bridge)
  await openHostPorts(bridge, ports)
}

/** The ports in the kernel; undefined when the table or one of its rules is gone. */
export async function readHostPorts(bridge: string): Promise<HostPort[] | undefined> {
  return parseHostPorts(await listTable(hostPortTable(bridge)))
}

/** Removes the table; there being none is no error. */
export async function removeHostPortTable(bridge: string): Promise<void> {
  await runNft(`add table ${hostPortTable(bridge)}\ndelete table ${hostPortTable(bridge)}`)
}

/** UDP has no end of a connection: what the tracking remembers of the port would go on to where it went before. */
async function forgetDatagrams(ports: readonly HostPort[]): Promise<void> {
  const keys = ports.map(({ key }) => key.split(' . ').slice(-2))
  const numbers = keys.filter(([protocol]) => protocol === 'udp').map(([, port]) => port ?? '')
  for (const port of new Set(numbers)) await deleteConnections(['-p', 'udp', '--orig-port-dst', port])
}

async function makeTable(bridge: string): Promise<void> {
  await runNft(formatTable(bridge))
  // 127.0.0.1 on the node reaches host ports too: its packets and their replies may then pass the bridge.
  await writeSysctls(new Map([[`net.ipv4.conf.${bridge.replaceAll('.', '/')}.route_localnet`, '1']]))
}

function hasWords(error: unknown, words: string): boolean {
  return error instanceof CommandError && error.stderr.includes(words)
}
