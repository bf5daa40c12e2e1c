// The kernel's side: addresses on the node's link, told to the neighbours, and closed but for the ports of their Services. The
// set of the guard table is also the record of which addresses are ours: an address is in it before it is on the link, and
// leaves it last, so that a process killed at any line leaves nothing that the next one does not know. A process that lives knows
// besides what it has taken, as all tables may be flushed by others.

import type { Difference } from '../../api/net/difference.ts'
import { canonicalAddress, canonicalRange } from '../../api/objects/addresses.ts'
import { CommandError, run } from '../../cni/linux/exec.ts'
import { ipBatch, type Link, listLinks } from '../../cni/linux/ip.ts'
import { hasTable, listTable, runNft } from '../../cni/linux/nft.ts'
import { compareHolding, type Stray } from './compare.ts'
import { guardTable, parseGuard, planGuard } from './guard.ts'
import type { Announcement } from './plan.ts'

export interface Where {
  netns?: string
}

export interface Holding extends Where {
  /** What this process has taken so far: it knows that even when somebody has flushed the guard. */
  taken?: ReadonlySet<string>
}

/** The link that has the node's address. Throws when none has. */
export async function findUplink(nodeIp: string, where: Where = {}): Promise<Link> {
  const wanted = canonicalAddress(nodeIp)
  const found = (await listLinks(where)).find(({ addr_info }) => addr_info?.some(({ local }) => local === wanted))
  if (found === undefined) throw new Error(`no link of this node has its address ${nodeIp}`)
  return found
}

/** Networks that the link is on, such as "192.0.2.0/24". Link-local ones and single addresses are none. */
export function networksOf({ addr_info = [] }: Link): string[] {
  const networks = addr_info
    .filter(({ local, prefixlen }) => prefixlen < (local.includes(':') ? 128 : 32) && !/^fe80:/i.test(local))
    .map(({ local, prefixlen }) => canonicalRange(`${local}/${prefixlen}`))
  return [...new Set(networks)].sort()
}

/** Holds exactly these addresses on the link. Returns those that are new there: they want announcing. Writes nothing when all is so. */
export async function holdAddresses(
  { ifname }: Pick<Link, 'ifname'>,
  wanted: readonly Announcement[],
  { taken = new Set(), ...where }: Holding = {},
): Promise<string[]> {
  const { guard, link, present, strays } = await look(ifname, taken, where)
  const addresses = wanted.map(({ address }) => address)
  const added = addresses.filter((address) => !present.has(address))
  const forgotten = [...taken].filter((address) => present.has(address) && !guard.addresses.includes(address))
  const stale = [...guard.addresses, ...forgotten].filter((address) => !addresses.includes(address))
  const opening = planGuard(guard, wanted, stale)
  if (opening !== '') await runNft(opening, where)
  await ipBatch(
    [
      ...added.map((address) => `addr add ${prefixed(address)} dev ${ifname}${optionsOf(address)}`),
      ...preferredOf(link)
        .filter((address) => addresses.includes(address))
        .map((address) => `addr replace ${prefixed(address)} dev ${ifname}${optionsOf(address)}`),
      ...stale
        .filter((address) => present.has(address))
        .map((address) => `addr del ${prefixed(address)} dev ${ifname}`),
      ...strays.map((stray) => `addr del ${prefixed(stray.address)} dev ${stray.ifname}`),
    ],
    where,
  )
  const closing = planGuard(parseGuard(await listTable(guardTable, where)), wanted, [])
  if (closing !== '') await runNft(closing, where)
  return added
}

/** What of it is not so, for people. Changes nothing. */
export async function verifyAddresses(
  { ifname }: Pick<Link, 'ifname'>,
  wanted: readonly Announcement[],
  { taken = new Set(), ...where }: Holding = {},
): Promise<Difference[]> {
  const { guard, link, present, strays } = await look(ifname, taken, where)
  const onLink = { ifname, present, preferred: preferredOf(link), taken: present.intersection(taken), strays }
  return compareHolding(guard, onLink, wanted)
}

async function look(ifname: string, taken: ReadonlySet<string>, where: Where) {
  const guard = parseGuard(await listTable(guardTable, where))
  const links = await listLinks(where)
  const link = links.find((each) => each.ifname === ifname)
  const present = new Set((link?.addr_info ?? []).map(({ local }) => local))
  const others = links.filter((each) => each !== link)
  return { guard, link, present, strays: straysOf(others, new Set([...guard.addresses, ...taken])) }
}

/**
 * Addresses of ours on links that the node's own address has left. A link without ARP tells no neighbour of them, and is none
 * of ours: the mode ipvs has all addresses of Services on one.
 */
function straysOf(others: readonly Link[], ours: ReadonlySet<string>): Stray[] {
  return others
    .filter(({ flags }) => flags?.includes('NOARP') !== true)
    .flatMap(({ ifname, addr_info = [] }) =>
      addr_info
        .filter(({ local, prefixlen }) => ours.has(local) && prefixed(local) === `${local}/${prefixlen}`)
        .map(({ local }) => ({ address: local, ifname })),
    )
}

/** Removes every address that an agent took, of whichever link, and the guard. Does nothing when there is nothing. */
export async function removeAddresses(where: Where = {}): Promise<void> {
  if (!(await hasTable(guardTable, where))) return
  const { addresses } = parseGuard(await listTable(guardTable, where))
  const ours = new Set(addresses.map(prefixed))
  const lines = (await listLinks(where)).flatMap(({ ifname, addr_info = [] }) =>
    addr_info
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
      .filter((each) => ours.has(each))
      .map((each) => `addr del ${each} dev ${ifname}`),
  )
  await ipBatch(lines, where)
  // Last: it is the only record of them.
  await runNft(`delete table ${guardTable}\n`, where)
}

/** Tells the neighbours where the address is now: gratuitous ARP (RFC 5227) or an unsolicited advertisement (RFC 4861, 7.2.6). */
export async function announce({ ifname }: Pick<Link, 'ifname'>, address: string, where: Where = {}): Promise<void> {
  const [program, args] = address.includes(':')
    ? (['ndptool', ['-t', 'na', '-U', '-i', ifname, '-T', address, 'send']] as const)
    : (['busybox', ['arping', '-q', '-U', '-c', '1', '-I', ifname, '-s', address, address]] as const)
  try {
    await run(program, args, where)
  } catch (error) {
    // busybox counts answers, and to a gratuitous ARP nobody answers.
    if (!(error instanceof CommandError && program === 'busybox' && error.exitCode === 1 && error.stderr === ''))
      throw error
  }
}

/**
 * nodad: the agents have agreed already, and an address that waits for DAD answers nobody. preferred_lft 0: of several IPv6
 * addresses the kernel takes the one most like the destination as the source of the node's own connections (RFC 6724, rule 8),
 * which would break with each move. IPv4's source is the link's first address of the destination's network, which is the node's.
 */
function optionsOf(address: string): string {
  return address.includes(':') ? ' nodad preferred_lft 0' : ''
}

/** IPv6 addresses that could be ours and may become the source of the node's own connections. */
function preferredOf(link: Link | undefined): string[] {
  return (link?.addr_info ?? [])
    .filter(({ local, prefixlen, deprecated }) => local.includes(':') && prefixlen === 128 && deprecated !== true)
    .map(({ local }) => local)
}

const prefixed = (address: string) => `${address}/${address.includes(':') ? 128 : 32}`
