// A pod's cable: a veth pair with one end in the pod, the other a port of the bridge.

import type { CbrConfig } from '../config.ts'
import { ipBatch, isNoSuchLink, listLinks, listRoutes } from '../linux/ip.ts'
import { ensureBridge } from './bridge.ts'
import { hostLinkName, toHardwareAddress } from './names.ts'

export interface Cable {
  containerId: string
  netns: string
  ifname: string
  address: string
}

/** Plugs the pod in: two program starts when the bridge is there, which it is for all pods but the first. */
export async function plugIn(config: CbrConfig, cable: Cable): Promise<void> {
  const hostLink = hostLinkName(cable.containerId, cable.ifname)
  const plug = [
    `link add ${hostLink} mtu ${config.mtu} type veth peer name ${cable.ifname} mtu ${config.mtu} address ${toHardwareAddress(cable.address)} netns ${cable.netns}`,
    `link set ${hostLink} master ${config.bridge} up`,
    // A pod that reaches itself through a Service comes back by the port it left.
    ...(config.hairpin ? [`link set ${hostLink} type bridge_slave hairpin on`] : []),
  ]
  try {
    await ipBatch(plug)
  } catch (error) {
    if (!isNoSuchLink(error)) throw error
    await unplug(cable.containerId, cable.ifname)
    await ensureBridge(config)
    await ipBatch(plug)
  }
  await configurePod(config, cable)
}

async function configurePod({ range }: CbrConfig, { netns, ifname, address }: Cable): Promise<void> {
  const lines = [
    'link set lo up',
    `addr add ${address}/${range.prefixLength} dev ${ifname}`,
    `link set ${ifname} up`,
    `route add default via ${range.gateway} dev ${ifname}`,
  ]
  await ipBatch(lines, { netns })
}

/** Removes the cable; both ends go at once. That there is none is no error: the namespace may have taken it along. */
export async function unplug(containerId: string, ifname: string): Promise<void> {
  try {
    await ipBatch([`link delete ${hostLinkName(containerId, ifname)}`])
  } catch (error) {
    if (!isNoSuchLink(error)) throw error
  }
}

/** What of the cable is not as plugIn made it, in words; empty when all is well. */
export async function inspect(
  { bridge, range }: CbrConfig,
  { containerId, netns, ifname, address }: Cable,
): Promise<string[]> {
  const hostLink = hostLinkName(containerId, ifname)
  const [[hostEnd], [podEnd], routes] = await Promise.all([
    listLinks({}, ['dev', hostLink]),
    listLinks({ netns }, ['dev', ifname]),
    listRoutes({ netns }, ['default']),
  ])
  return [
    hostEnd === undefined
      ? `link ${hostLink} is gone`
      : hostEnd.master === bridge
        ? undefined
        : `link ${hostLink} is not a port of ${bridge}`,
    hostEnd === undefined || hostEnd.flags?.includes('UP') === true ? undefined : `link ${hostLink} is down`,
    podEnd === undefined
      ? `link ${ifname} is gone from the pod`
      : podEnd.addr_info?.some(({ local }) => local === address) === true
        ? undefined
        : `address ${address} is gone from ${ifname}`,
    routes.some(({ gateway }) => gateway === range.gateway)
      ? undefined
      : `the pod's default route via ${range.gateway} is gone`,
  ].filter((finding) => finding !== undefined)
}
