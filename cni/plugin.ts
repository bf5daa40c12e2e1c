// `cbr`: gives a pod an address of the node's range and a cable into the node's bridge. Functions for the agent, which calls
// them in its own process; main.ts makes a program of them for every other runtime.
//
// ADD undoes itself when it fails. DEL and GC succeed whatever is left to remove. Nothing but the kernel and the
// reservations on disk is remembered.

import { join } from 'node:path'
import { ensureBridge } from './bridge/bridge.ts'
import { inspect, plugIn, unplug } from './bridge/cable.ts'
import { hostLinkName, isHostLink, toHardwareAddress } from './bridge/names.ts'
import { type CbrConfig, parseConfig } from './config.ts'
import { Reservations, toOwner } from './ipam/reservations.ts'
import { ipBatch, isNoSuchLink, listLinks } from './linux/ip.ts'
import { CniError, type CniResult, errorCodes, type Invocation, type NetworkConfig } from './spec.ts'

/** Attaches the interface. Throws a CniError; then nothing is left of it. */
export async function add(networkConfig: NetworkConfig, invocation: Invocation): Promise<CniResult> {
  const config = parseConfig(networkConfig)
  const { containerId, ifname } = invocation
  const netns = requireNetns(invocation)
  const reservations = reservationsOf(config)
  const address = await reservations.reserve(config.range, toOwner(containerId, ifname))
  try {
    await plugIn(config, { containerId, netns, ifname, address })
  } catch (error) {
    await unplug(containerId, ifname)
    await reservations.release(toOwner(containerId, ifname))
    throw new CniError(
      errorCodes.ioFailure,
      `cannot attach ${ifname} of container ${containerId}: ${error instanceof Error ? error.message : String(error)}`,
      '',
      error,
    )
  }
  return toResult(config, networkConfig, invocation, address)
}

/** Detaches the interface and gives its address back. */
export async function del(networkConfig: NetworkConfig, { containerId, ifname }: Invocation): Promise<void> {
  const config = parseConfig(networkConfig)
  await unplug(containerId, ifname)
  await reservationsOf(config).release(toOwner(containerId, ifname))
}

/** Throws a CniError that lists what is not as ADD made it. */
export async function check(networkConfig: NetworkConfig, invocation: Invocation): Promise<void> {
  const config = parseConfig(networkConfig)
  const address = networkConfig.prevResult?.ips?.[0]?.address.split('/')[0]
  if (address === undefined) throw new CniError(errorCodes.invalidConfig, 'prevResult: CHECK needs the result of ADD')
  const { containerId, ifname } = invocation
  const findings = await inspect(config, { containerId, netns: requireNetns(invocation), ifname, address })
  if (findings.length > 0)
    throw new CniError(
      errorCodes.checkFailed,
      `the network of container ${containerId} is not as it was made`,
      findings.join('; '),
    )
}

/** Removes the cables and addresses of all attachments but the valid ones (key cni.dev/valid-attachments). */
export async function gc(networkConfig: NetworkConfig): Promise<void> {
  const config = parseConfig(networkConfig)
  const valid = networkConfig['cni.dev/valid-attachments'] ?? []
  if (!Array.isArray(valid)) throw new CniError(errorCodes.invalidConfig, 'cni.dev/valid-attachments: must be a list')
  const attachments: { containerID: string; ifname: string }[] = valid
  const owners = new Set(attachments.map(({ containerID, ifname }) => toOwner(containerID, ifname)))
  const links = new Set(attachments.map(({ containerID, ifname }) => hostLinkName(containerID, ifname)))
  for (const { ifname } of await listLinks({}, ['master', config.bridge]))
    if (isHostLink(ifname) && !links.has(ifname)) await deleteLink(ifname)
  await reservationsOf(config).releaseWhere(({ owner }) => !owners.has(owner))
}

/** Throws a CniError when an ADD could not succeed now. */
export async function status(networkConfig: NetworkConfig): Promise<void> {
  const config = parseConfig(networkConfig)
  try {
    await ensureBridge(config)
  } catch (error) {
    throw new CniError(
      errorCodes.notAvailable,
      `bridge ${config.bridge} cannot be made: ${error instanceof Error ? error.message : String(error)}`,
      '',
      error,
    )
  }
}

function reservationsOf({ dataDir, name }: CbrConfig): Reservations {
  return new Reservations(join(dataDir, name))
}

function requireNetns({ netns, containerId }: Invocation): string {
  if (netns !== undefined && netns !== '') return netns
  throw new CniError(errorCodes.invalidEnvironment, `CNI_NETNS: is required for container ${containerId}`)
}

function toResult(
  { bridge, mtu, range }: CbrConfig,
  networkConfig: NetworkConfig,
  { containerId, netns = '', ifname }: Invocation,
  address: string,
): CniResult {
  const isOld = networkConfig.cniVersion.startsWith('0.')
  const withMtu = networkConfig.cniVersion === '1.1.0' ? { mtu } : {}
  return {
    cniVersion: networkConfig.cniVersion,
    interfaces: [
      { name: bridge, mac: toHardwareAddress(range.gateway), ...withMtu },
      { name: hostLinkName(containerId, ifname), ...withMtu },
      { name: ifname, mac: toHardwareAddress(address), sandbox: netns, ...withMtu },
    ],
    ips: [
      {
        address: `${address}/${range.prefixLength}`,
        gateway: range.gateway,
        interface: 2,
        ...(isOld && { version: range.bits === 32 ? '4' : '6' }),
      },
    ],
    routes: [{ dst: range.bits === 32 ? '0.0.0.0/0' : '::/0', gw: range.gateway }],
  }
}

async function deleteLink(name: string): Promise<void> {
  try {
    await ipBatch([`link delete ${name}`])
  } catch (error) {
    if (!isNoSuchLink(error)) throw error
  }
}
