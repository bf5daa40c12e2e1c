// The node's bridge: it carries the gateway addresses of the node's pod ranges, and pods' cables are plugged into it.

import type { CbrConfig } from '../config.ts'
import { ipBatch, type Link, listLinks } from '../linux/ip.ts'
import { toHardwareAddress } from './names.ts'

/** A line of `ip -batch`, and what it is for. */
export interface BridgeStep {
  what: 'link' | 'address' | 'mtu'
  name: string
  state: 'missing' | 'extra' | 'different'
  line: string
}

/** Nobody else on the bridge is a router. */
const linkLocal = 'fe80::1/64'

type Wish = Pick<CbrConfig, 'bridge' | 'mtu' | 'ranges'>

/** Makes the bridge what the configuration wants: there, up, with the gateways' addresses and no other of ours. */
export async function ensureBridge(wish: Wish): Promise<void> {
  const [existing] = await listLinks({}, ['dev', wish.bridge])
  try {
    await ipBatch(planBridge(wish, existing).map(({ line }) => line))
  } catch (error) {
    // Several ADDs at once on a fresh node: whoever was slower finds the work done.
    const [now] = await listLinks({}, ['dev', wish.bridge])
    if (planBridge(wish, now).length > 0) throw error
  }
}

/** What the bridge lacks, in the order in which it is to be done. Pure. */
export function planBridge({ bridge, mtu, ranges }: Wish, existing: Link | undefined): BridgeStep[] {
  const steps: BridgeStep[] = []
  const wanted = ranges.map(({ gateway, prefixLength }) => `${gateway}/${prefixLength}`)
  const present = (existing?.addr_info ?? [])
    .filter(({ local }) => !isLinkLocal(local))
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  // A bridge without a hardware address of its own takes its ports' lowest, and changes it with them: neighbours would
  // send to a dead address (seen with kubenet).
  const mac = toHardwareAddress(ranges[0]?.gateway ?? '0.0.0.0')
  const needsLinkLocal = ranges.some(({ bits }) => bits === 128) && !hasLinkLocal(existing)
  if (existing === undefined) {
    steps.push(step('link', bridge, 'missing', `link add ${bridge} address ${mac} mtu ${mtu} type bridge`))
    if (needsLinkLocal) steps.push(step('link', bridge, 'missing', `link set ${bridge} addrgenmode none`))
  } else if (existing.mtu !== mtu) steps.push(step('mtu', bridge, 'different', `link set ${bridge} mtu ${mtu}`))
  // What the kernel would give itself stays unusable for two seconds of duplicate address detection, and without it no pod
  // is asked for its hardware address.
  if (needsLinkLocal)
    steps.push(step('address', `${linkLocal} dev ${bridge}`, 'missing', `addr add ${linkLocal} dev ${bridge} nodad`))
  for (const address of present.filter((each) => !wanted.includes(each)))
    steps.push(step('address', `${address} dev ${bridge}`, 'extra', `addr del ${address} dev ${bridge}`))
  for (const address of wanted.filter((each) => !present.includes(each))) {
    // Nobody else can have the gateway's address: duplicate address detection would only delay the first pods.
    const line = `addr add ${address} dev ${bridge}${address.includes(':') ? ' nodad' : ''}`
    steps.push(step('address', `${address} dev ${bridge}`, 'missing', line))
  }
  if (existing?.flags?.includes('UP') !== true) steps.push(step('link', bridge, 'different', `link set ${bridge} up`))
  return steps
}

function hasLinkLocal(link: Link | undefined): boolean {
  return link?.addr_info?.some(({ local }) => isLinkLocal(local)) === true
}

function isLinkLocal(address: string): boolean {
  return address.startsWith('fe80:')
}

function step(what: BridgeStep['what'], name: string, state: BridgeStep['state'], line: string): BridgeStep {
  return { what, name, state, line }
}
