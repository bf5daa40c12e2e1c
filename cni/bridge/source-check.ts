// A pod cannot send from an address that is not its own: every frame that comes in by a pod's port is looked up, port and
// source address together, in sets of the table `bridge fairlead-<bridge>`. One lookup a frame however many pods there
// are; two elements a pod, which are there before its link is up. The port's name is the key, so elements can be written
// before the link is made.

import { constants } from 'node:os'
import ipaddr from 'ipaddr.js'
import { CommandError } from '../linux/exec.ts'
import { Gatherer } from '../linux/gather.ts'
import { addressBytes, hasNetlink, NetlinkError } from '../linux/netlink.ts'
import { listTable, runNft } from '../linux/nft.ts'
import { changeElements, linkNameBytes, type SetElement } from '../linux/nft-netlink.ts'
import { ruleCount, rulesText, sourceTable, tableName } from './source-rules.ts'

/** A pod's port and what may come out of it. */
export interface Port {
  link: string
  addresses: readonly string[]
  /** Names the pod in the sets. */
  comment: string
}

/** Lets the port send from its addresses alone. */
export async function restrictPort(bridge: string, port: Port): Promise<void> {
  try {
    await change(bridge, [port], [])
  } catch (error) {
    if (!isMissing(error)) throw error
    await runNft(`${rulesText(bridge)}\n${changeText(bridge, [port], [])}`)
  }
}

/** Forgets ports that are gone; ones that were never there are no error. */
export async function forgetPorts(bridge: string, ports: readonly Port[]): Promise<void> {
  if (ports.length === 0) return
  try {
    // Nothing deletes "if it is there" before Linux 6.3 and nftables 1.0.7: added first, it is always there.
    await change(bridge, ports, ports)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** As many fit into a message of netlink with room to spare. */
const mostByNetlink = 64

async function change(bridge: string, added: readonly Port[], deleted: readonly Port[]): Promise<void> {
  if (hasNetlink() && added.length <= mostByNetlink)
    changeElements(tableName(bridge), { add: added.flatMap(toSetElements), delete: deleted.flatMap(toSetElements) })
  else await together.submit(changeText(bridge, added, deleted))
}

const together = new Gatherer<string>(runTogether)

/** One transaction for all; one that fails is done again, text by text, so that each has its own outcome. */
async function runTogether(texts: readonly string[]): Promise<unknown[]> {
  try {
    await runNft(texts.join('\n'))
    return texts.map(() => undefined)
  } catch (error) {
    if (texts.length === 1) return [error]
    return await Promise.all(texts.map((text) => runNft(text).catch((each: unknown) => each)))
  }
}

/** Writes the rules anew, and the elements of these ports; others stay, as they may be of a pod that is being attached. */
export async function mendTable(bridge: string, ports: readonly Port[]): Promise<void> {
  await runNft(`${rulesText(bridge)}\n${changeText(bridge, ports, [])}`)
}

/** Removes elements in the words of readElements. */
export async function removeElements(bridge: string, elements: readonly string[]): Promise<void> {
  const lines = elements.map((element) => {
    const [set = '', ...key] = element.split(/ (?:\. )?/)
    return elementLine(bridge, 'delete', set, key)
  })
  if (lines.length > 0) await runNft(lines.join('\n'))
}

/** The elements in the kernel, as "set port . address"; undefined when the table or one of its rules is gone. */
export async function readElements(bridge: string): Promise<Set<string> | undefined> {
  const objects = await listTable(sourceTable(bridge))
  const rules = objects.filter((object) => isObject(object) && 'rule' in object)
  return rules.length === ruleCount ? new Set(objects.flatMap(namesIn)) : undefined
}

/** The elements of these ports, in the same words. */
export function wantedElements(ports: readonly Port[]): Map<string, Port> {
  return new Map(ports.flatMap((port) => elementsOf(port).map((element) => [nameOf(element), port] as const)))
}

/** Removes the table; there being none is no error. */
export async function removeSourceTable(bridge: string): Promise<void> {
  await runNft(`add table ${sourceTable(bridge)}\ndelete table ${sourceTable(bridge)}`)
}

/** What a port has in the sets: itself, and each of its addresses. */
interface PortElement {
  set: string
  link: string
  address?: string
}

function elementsOf({ link, addresses }: Port): PortElement[] {
  const ofAddresses = addresses.flatMap((address) =>
    (address.includes(':') ? ['ipv6', 'targets'] : ['ipv4']).map((set) => ({ set, link, address })),
  )
  return [{ set: 'ports', link }, ...ofAddresses]
}

function toSetElements(port: Port): SetElement[] {
  return elementsOf(port).map(({ set, link, address }) => ({
    set,
    key: Buffer.concat([linkNameBytes(link), ...(address === undefined ? [] : [addressBytes(address)])]),
    comment: wordsOf(port),
  }))
}

/** The parts of its key as nft writes them: an address among the targets is 16 raw bytes. */
function keyOf({ set, link, address }: PortElement): string[] {
  if (address === undefined) return [link]
  return [link, set === 'targets' ? toHex(address) : address]
}

const nameOf = (element: PortElement) => `${element.set} ${keyOf(element).join(' . ')}`

function changeText(bridge: string, added: readonly Port[], deleted: readonly Port[]): string {
  const lines = (verb: 'add' | 'delete', port: Port) =>
    elementsOf(port).map((element) => elementLine(bridge, verb, element.set, keyOf(element), wordsOf(port)))
  return [...added.flatMap((port) => lines('add', port)), ...deleted.flatMap((port) => lines('delete', port))].join(
    '\n',
  )
}

function elementLine(
  bridge: string,
  verb: 'add' | 'delete',
  set: string,
  [link, ...address]: readonly string[],
  words = '',
): string {
  const comment = verb === 'add' ? ` comment "${words}"` : ''
  return `${verb} element ${sourceTable(bridge)} ${set} { ${[`"${link}"`, ...address].join(' . ')}${comment} }`
}

/** A comment, as nft takes it. */
const wordsOf = ({ comment }: Port) => comment.replaceAll('"', '').slice(0, 120)

/** The number that nft prints and reads for 16 raw bytes. */
function toHex(address: string): string {
  const number = ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return `0x${number.toString(16)}`
}

/** Those of a set in nft's JSON. */
function namesIn(object: unknown): string[] {
  if (!isObject(object) || !isObject(object.set) || !Array.isArray(object.set.elem)) return []
  const { name, elem } = object.set
  return elem.map((each: unknown) => {
    const inner: unknown = isObject(each) && isObject(each.elem) ? each.elem.val : each
    const concat = isObject(inner) && Array.isArray(inner.concat) ? inner.concat : [inner]
    return `${String(name)} ${concat.join(' . ')}`
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isMissing(error: unknown): boolean {
  if (error instanceof NetlinkError) return error.errno === constants.errno.ENOENT
  return error instanceof CommandError && error.stderr.includes('No such file or directory')
}
