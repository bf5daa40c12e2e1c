// A pod's cable: a veth pair with one end in the pod, the other a port of the bridge.

import type { CbrConfig } from '../config.ts'
import { isNoDevice, makeCable, setUpLink } from '../linux/cable-netlink.ts'
import { CommandError } from '../linux/exec.ts'
import {
  deleteLink,
  ipBatch,
  ipGathered,
  isNoSuchLink,
  type Link,
  listLinks,
  listRoutes,
  listRoutes6,
} from '../linux/ip.ts'
import { hasNetlink } from '../linux/netlink.ts'
import { writeSysctls } from '../linux/sysctl.ts'
import { ensureBridge } from './bridge.ts'
import { hostLinkName, toHardwareAddress } from './names.ts'

export interface Cable {
  containerId: string
  netns: string
  ifname: string
  /** One of each of the configuration's ranges, in their order. */
  addresses: readonly string[]
}

/** Makes both ends and plugs the host's in; the bridge is looked at only when it is not there, which is for the first pod. */
export async function plugIn(config: CbrConfig, cable: Cable): Promise<void> {
  const plug = hasNetlink() ? plugByNetlink : plugByProgram
  try {
    await plug(config, cable)
  } catch (error) {
    if (!isNoSuchLink(error) && !isNoDevice(error)) throw error
    await unplug(cable.containerId, cable.ifname)
    await ensureBridge(config)
    await plug(config, cable)
  }
}

async function plugByNetlink({ bridge, hairpin, mtu }: CbrConfig, cable: Cable): Promise<void> {
  const { containerId, netns, ifname, addresses } = cable
  const mac = toHardwareAddress(addresses[0] ?? '')
  makeCable({ hostLink: hostLinkName(containerId, ifname), bridge, hairpin, mtu, netns, ifname, mac })
}

async function plugByProgram({ bridge, hairpin, mtu }: CbrConfig, cable: Cable): Promise<void> {
  const { containerId, netns, ifname, addresses } = cable
  const hostLink = hostLinkName(containerId, ifname)
  const mac = toHardwareAddress(addresses[0] ?? '')
  await ipGathered([
    `link add ${hostLink} mtu ${mtu} type veth peer name ${ifname} mtu ${mtu} address ${mac} netns ${netns}`,
    // No address of its own on the host's end: it is a port and nothing else.
    `link set ${hostLink} addrgenmode none master ${bridge} up`,
    // A pod that reaches itself through a Service comes back by the port it left.
    ...(hairpin ? [`link set ${hostLink} type bridge_slave hairpin on`] : []),
  ])
}

/** Gives the pod's end its addresses and puts it up: from here on the pod can send. */
export async function configurePod(config: CbrConfig, cable: Cable): Promise<void> {
  const { ranges } = config
  if (hasNetlink())
    setUpLink(cable.netns, {
      ifname: cable.ifname,
      addresses: ranges.map(({ prefixLength }, index) => ({ address: cable.addresses[index] ?? '', prefixLength })),
      gateways: ranges.map(({ gateway }) => gateway),
    })
  else await configureByProgram(config, cable)
}

async function configureByProgram({ ranges }: CbrConfig, { netns, ifname, addresses }: Cable): Promise<void> {
  const lines = [
    'link set lo up',
    ...ranges.map(({ prefixLength, bits }, index) => {
      // Addresses are given once by the reservations: duplicate address detection would only keep them unusable for a second.
      const nodad = bits === 128 ? ' nodad' : ''
      return `addr replace ${addresses[index]}/${prefixLength} dev ${ifname}${nodad}`
    }),
    `link set ${ifname} up`,
    ...ranges.map(({ gateway }) => `route replace default via ${gateway} dev ${ifname}`),
  ]
  try {
    await ipBatch(lines, { netns })
  } catch (error) {
    if (!(error instanceof CommandError && ranges.some(({ bits }) => bits === 128))) throw error
    // Docker turns IPv6 off in the namespaces that it makes without a network.
    await writeSysctls(new Map(['lo', ifname].map((name) => [`net.ipv6.conf.${name}.disable_ipv6`, '0'])), { netns })
    await ipBatch(lines, { netns })
  }
}

/** Removes the cable; both ends go at once. That there is none is no error: the namespace may have taken it along. */
export async function unplug(containerId: string, ifname: string): Promise<void> {
  await deleteLink(hostLinkName(containerId, ifname))
}

/** What of the cable is not as plugIn and configurePod made it, in words; empty when all is well. */
export async function inspect(config: CbrConfig, cable: Cable): Promise<string[]> {
  const hostLink = hostLinkName(cable.containerId, cable.ifname)
  const [[hostEnd], podFindings] = await Promise.all([listLinks({}, ['dev', hostLink]), inspectPodEnd(config, cable)])
  return [...inspectHostEnd(config, hostLink, hostEnd).map(({ finding }) => finding), ...podFindings]
}

/** What of the pod's end is not as configurePod made it, in words; configurePod mends all but a link that is gone. */
export async function inspectPodEnd({ ranges }: CbrConfig, { netns, ifname, addresses }: Cable): Promise<string[]> {
  const [[link], routes, routes6] = await Promise.all([
    listLinks({ netns }, ['dev', ifname]),
    listRoutes({ netns }, ['default']),
    ranges.some(({ bits }) => bits === 128) ? listRoutes6({ netns }, ['default']) : [],
  ])
  const gateways = [...routes, ...routes6].map(({ gateway }) => gateway)
  const has = (address: string) => link?.addr_info?.some(({ local }) => local === address) === true
  return [
    ...(link === undefined
      ? [`link ${ifname} is gone from the pod`]
      : addresses.filter((address) => !has(address)).map((address) => `address ${address} is gone from ${ifname}`)),
    ...ranges
      .filter(({ gateway }) => !gateways.includes(gateway))
      .map(({ gateway }) => `the pod's default route via ${gateway} is gone`),
  ]
}

/** What of the host's end is not as plugIn made it; `line` of `ip -batch` mends it, where the link is there to be mended. */
export function inspectHostEnd(
  { bridge, hairpin }: Pick<CbrConfig, 'bridge' | 'hairpin'>,
  hostLink: string,
  link: Link | undefined,
): { finding: string; line?: string }[] {
  if (link === undefined) return [{ finding: `link ${hostLink} is gone` }]
  const isPort = link.master === bridge
  const isUp = link.flags?.includes('UP') === true
  const hasHairpin = link.linkinfo?.info_slave_data?.hairpin === true
  return [
    ...(isPort
      ? []
      : [{ finding: `link ${hostLink} is not a port of ${bridge}`, line: `link set ${hostLink} master ${bridge}` }]),
    ...(isUp ? [] : [{ finding: `link ${hostLink} is down`, line: `link set ${hostLink} up` }]),
    ...(hasHairpin || !hairpin
      ? []
      : [{ finding: `hairpin of ${hostLink} is off`, line: `link set ${hostLink} type bridge_slave hairpin on` }]),
  ]
}
