// The node's bridge: it carries the gateway address of the node's pod range, and pods' cables are plugged into it.

import type { CbrConfig } from '../config.ts'
import { ipBatch, listLinks } from '../linux/ip.ts'
import { toHardwareAddress } from './names.ts'

/** Makes the bridge what the configuration wants: there, up, with the gateway's address and no other of ours. */
export async function ensureBridge({ bridge, mtu, range }: CbrConfig): Promise<void> {
  const [existing] = await listLinks({}, ['dev', bridge])
  const wanted = `${range.gateway}/${range.prefixLength}`
  const addresses = (existing?.addr_info ?? [])
    .filter(({ family }) => family === 'inet')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  // A bridge without a hardware address of its own takes its ports' lowest, and changes it with them: neighbours would
  // send to a dead address (seen with kubenet).
  const make =
    existing === undefined
      ? [`link add ${bridge} address ${toHardwareAddress(range.gateway)} mtu ${mtu} type bridge`]
      : []
  const drop = addresses.filter((address) => address !== wanted).map((address) => `addr del ${address} dev ${bridge}`)
  const add = addresses.includes(wanted) ? [] : [`addr add ${wanted} dev ${bridge}`]
  const raise = existing?.flags?.includes('UP') === true ? [] : [`link set ${bridge} up`]
  try {
    await ipBatch([...make, ...drop, ...add, ...raise])
  } catch (error) {
    // Several ADDs at once on a fresh node: whoever was slower finds the work done.
    const [now] = await listLinks({}, ['dev', bridge])
    if (now?.addr_info?.some(({ local }) => local === range.gateway) !== true) throw error
  }
}
