// `cbr`: gives a pod an address of each of the node's ranges and a cable into the node's bridge. Functions for the agent,
// which calls them in its own process; main.ts makes a program of them for every other runtime.
//
// ADD undoes itself when it fails. DEL and GC succeed whatever is left to remove. Nothing but the kernel and the
// reservations on disk is remembered.

import { join } from 'node:path'
import { limitRates } from './bridge/bandwidth.ts'
import { ensureBridge } from './bridge/bridge.ts'
import { type Cable, configurePod, inspect, plugIn, unplug } from './bridge/cable.ts'
import type { HostPort } from './bridge/host-port-table.ts'
import { closeHostPorts, openHostPorts, planHostPorts } from './bridge/host-ports.ts'
import { hostLinkName, isHostLink, toHardwareAddress } from './bridge/names.ts'
import { forgetPorts, type Port, restrictPort } from './bridge/source-check.ts'
import { type CbrConfig, parseConfig } from './config.ts'
import { Reservations, toOwner } from './ipam/reservations.ts'
import { deleteLink, listLinks } from './linux/ip.ts'
import { CniError, type CniResult, errorCodes, type Invocation, type NetworkConfig } from './spec.ts'

/** Attaches the interface. Throws a CniError; then nothing is left of it. */
export async function add(networkConfig: NetworkConfig, invocation: Invocation): Promise<CniResult> {
  const config = parseConfig(networkConfig)
  const { containerId, ifname } = invocation
  requireNetns(invocation)
  try {
    const addresses = reservationsOf(config).reserve(config.ranges, toOwner(containerId, ifname))
    await attach(planAttachment(networkConfig, invocation, addresses))
    return toResult(config, networkConfig, invocation, addresses)
  } catch (error) {
    await detach({ ...config, hasHostPorts: config.portMappings.length > 0 }, invocation)
    if (error instanceof CniError) throw error
    throw new CniError(
      errorCodes.ioFailure,
      `cannot attach ${ifname} of container ${containerId}: ${error instanceof Error ? error.message : String(error)}`,
      '',
      error,
    )
  }
}

/** What the kernel holds of one attachment. */
export interface Attachment {
  config: CbrConfig
  cable: Cable
  hostLink: string
  /** Its elements of the source check, when that is on. */
  port?: Port
  hostPorts: HostPort[]
}

/** The attachment that ADD makes with these addresses. Pure. Throws a CniError when the configuration is none. */
export function planAttachment(
  networkConfig: NetworkConfig,
  invocation: Invocation,
  addresses: readonly string[],
): Attachment {
  const config = parseConfig(networkConfig)
  const { containerId, ifname } = invocation
  const hostLink = hostLinkName(containerId, ifname)
  const comment = `pod ${podName(invocation)}`
  return {
    config,
    cable: { containerId, netns: requireNetns(invocation), ifname, addresses },
    hostLink,
    ...(config.sourceCheck && { port: { link: hostLink, addresses, comment } }),
    hostPorts: planHostPorts(config.portMappings, addresses, comment),
  }
}

async function attach({ config, cable, port, hostPorts, hostLink }: Attachment): Promise<void> {
  // Both before the pod's end is up: the pod's first frame is checked as any other. Side by side, as neither needs the other.
  await settleAll([plugIn(config, cable), ...(port === undefined ? [] : [restrictPort(config.bridge, port)])])
  await configurePod(config, cable)
  await limitRates(config.bandwidth, { ...cable, hostLink })
  await openHostPorts(config.bridge, hostPorts)
}

/** Makes the cable of an attachment anew, which lost its host's end and with it the pod's. */
export async function makeCable({ config, cable, hostLink }: Attachment): Promise<void> {
  await plugIn(config, cable)
  await configurePod(config, cable)
  await limitRates(config.bandwidth, { ...cable, hostLink })
}

/** Waits for all, so that nothing goes on behind a failure; then throws the first. */
async function settleAll(works: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason
}

/** Takes work that need not be done when DEL returns, but before the same container is attached again. */
export type Later = (work: () => Promise<void>) => void

/** Detaches the interface and gives its addresses back. Without `later` nothing is left to be done. */
export async function del(networkConfig: NetworkConfig, invocation: Invocation, later?: Later): Promise<void> {
  // Of what the runtime asked for it matters no more whether it can be had: DEL also follows an ADD that refused it.
  const { runtimeConfig, ...lasting } = networkConfig
  const hasHostPorts = runtimeConfig?.portMappings !== undefined
  await detach({ ...parseConfig(lasting), hasHostPorts }, invocation, later)
}

type Detachment = Pick<CbrConfig, 'name' | 'dataDir' | 'bridge' | 'sourceCheck'> & { hasHostPorts: boolean }

async function detach(config: Detachment, { containerId, ifname }: Invocation, later?: Later): Promise<void> {
  const reservations = reservationsOf(config)
  const owner = toOwner(containerId, ifname)
  const held = reservations
    .list()
    .filter((each) => each.owner === owner)
    .map(({ address }) => address)
  await unplug(containerId, ifname)
  // After the cable: the pod is checked for as long as it can send. Nobody else's port will have that name.
  const port = { link: hostLinkName(containerId, ifname), addresses: held, comment: '' }
  const forget = () => forgetPorts(config.bridge, [port])
  if (config.sourceCheck) await (later === undefined ? forget() : later(forget))
  if (config.hasHostPorts) await closeHostPorts(config.bridge, (address) => held.includes(address))
  // Last: an address that is free again may be another pod's at once.
  reservations.free(held)
}

/** Throws a CniError that lists what is not as ADD made it. */
export async function check(networkConfig: NetworkConfig, invocation: Invocation): Promise<void> {
  const config = parseConfig(networkConfig)
  const addresses = addressesOf(networkConfig.prevResult)
  if (addresses.length === 0) throw new CniError(errorCodes.invalidConfig, 'prevResult: CHECK needs the result of ADD')
  const { containerId, ifname } = invocation
  const findings = await inspect(config, { containerId, netns: requireNetns(invocation), ifname, addresses })
  if (findings.length > 0)
    throw new CniError(
      errorCodes.checkFailed,
      `the network of container ${containerId} is not as it was made`,
      findings.join('; '),
    )
}

/** Removes the cables, addresses and ports of all attachments but the valid ones (key cni.dev/valid-attachments). */
export async function gc(networkConfig: NetworkConfig): Promise<void> {
  const config = parseConfig(networkConfig)
  // libcni writes null for a list of none.
  const valid = networkConfig['cni.dev/valid-attachments'] === null ? [] : networkConfig['cni.dev/valid-attachments']
  if (!Array.isArray(valid)) throw new CniError(errorCodes.invalidConfig, 'cni.dev/valid-attachments: must be a list')
  const attachments: { containerID: string; ifname: string }[] = valid
  const owners = new Set(attachments.map(({ containerID, ifname }) => toOwner(containerID, ifname)))
  const links = new Set(attachments.map(({ containerID, ifname }) => hostLinkName(containerID, ifname)))
  const present = await listLinks({}, ['master', config.bridge])
  const extra = present.filter(({ ifname }) => isHostLink(ifname) && !links.has(ifname))
  await settleAll(extra.map(({ ifname }) => deleteLink(ifname)))
  await collectElements(config, owners)
  reservationsOf(config).releaseWhere(({ owner }) => !owners.has(owner))
}

/** Set elements of reservations that nobody holds any more, and host ports of addresses that nobody has. */
async function collectElements(config: CbrConfig, owners: ReadonlySet<string>): Promise<void> {
  const all = reservationsOf(config).list()
  const gone = all.filter(({ owner }) => !owners.has(owner))
  const held = new Set(all.filter(({ owner }) => owners.has(owner)).map(({ address }) => address))
  await closeHostPorts(config.bridge, (address) => !held.has(address))
  if (config.sourceCheck)
    await forgetPorts(
      config.bridge,
      gone.map(({ address, owner }) => toPort(owner, address)),
    )
}

function toPort(owner: string, address: string): Port {
  const [containerId = '', ifname = ''] = owner.split(':')
  return { link: hostLinkName(containerId, ifname), addresses: [address], comment: '' }
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

function reservationsOf({ dataDir, name }: Pick<CbrConfig, 'dataDir' | 'name'>): Reservations {
  return new Reservations(join(dataDir, name))
}

function requireNetns({ netns, containerId }: Invocation): string {
  if (netns !== undefined && netns !== '') return netns
  throw new CniError(errorCodes.invalidEnvironment, `CNI_NETNS: is required for container ${containerId}`)
}

/** What people call the pod; runtimes without pods have containers. */
function podName({ args = {}, containerId }: Invocation): string {
  const { K8S_POD_NAMESPACE: namespace, K8S_POD_NAME: name } = args
  return name === undefined ? containerId : `${namespace ?? ''}/${name}`
}

/** Addresses without their prefix lengths. */
export function addressesOf(result: CniResult | undefined): string[] {
  return (result?.ips ?? []).map(({ address }) => address.split('/')[0] ?? '')
}

function toResult(
  { bridge, mtu, ranges }: CbrConfig,
  networkConfig: NetworkConfig,
  { containerId, netns = '', ifname }: Invocation,
  addresses: readonly string[],
): CniResult {
  const isOld = networkConfig.cniVersion.startsWith('0.')
  const withMtu = networkConfig.cniVersion === '1.1.0' ? { mtu } : {}
  return {
    cniVersion: networkConfig.cniVersion,
    interfaces: [
      { name: bridge, mac: toHardwareAddress(ranges[0]?.gateway ?? ''), ...withMtu },
      { name: hostLinkName(containerId, ifname), ...withMtu },
      { name: ifname, mac: toHardwareAddress(addresses[0] ?? ''), sandbox: netns, ...withMtu },
    ],
    ips: ranges.map(({ prefixLength, gateway, bits }, index) => ({
      address: `${addresses[index]}/${prefixLength}`,
      gateway,
      interface: 2,
      ...(isOld && ({ version: bits === 32 ? '4' : '6' } as const)),
    })),
    routes: ranges.map(({ bits, gateway }) => ({ dst: bits === 32 ? '0.0.0.0/0' : '::/0', gw: gateway })),
  }
}
