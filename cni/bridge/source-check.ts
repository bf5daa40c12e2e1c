// A pod cannot send from an address that is not its own: every frame that comes in by a pod's port is looked up, port and
// source address together, in sets of the table `bridge fairlead-<bridge>`. One lookup a frame however many pods there
// are; two elements a pod, which are there before its link is up. The port's name is the key, so elements can be written
// before the link is made.

import ipaddr from 'ipaddr.js'
import { CommandError } from '../linux/exec.ts'
import { Gatherer } from '../linux/gather.ts'
import { listTable, runNft } from '../linux/nft.ts'

/** A pod's port and what may come out of it. */
export interface Port {
  link: string
  addresses: readonly string[]
  /** Names the pod in the sets. */
  comment: string
}

/** Name of the table of a bridge, as after "nft list table". */
export function sourceTable(bridge: string): string {
  return `bridge fairlead-${bridge}`
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

/** Lets the port send from its addresses alone. */
export async function restrictPort(bridge: string, port: Port): Promise<void> {
  const elements = elementLines(bridge, port, 'add').join('\n')
  try {
    await together.submit(elements)
  } catch (error) {
    if (!isMissing(error)) throw error
    await runNft(`${tableText(bridge)}\n${elements}`)
  }
}

/** Forgets ports that are gone; ones that were never there are no error. */
export async function forgetPorts(bridge: string, ports: readonly Port[]): Promise<void> {
  if (ports.length === 0) return
  // Nothing deletes "if it is there" in nftables 1.0: added first, it is always there.
  const lines = ports.flatMap((port) => [...elementLines(bridge, port, 'add'), ...elementLines(bridge, port, 'delete')])
  try {
    await together.submit(lines.join('\n'))
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** Writes the rules anew, and the elements of these ports; others stay, as they may be of a pod that is being attached. */
export async function mendTable(bridge: string, ports: readonly Port[]): Promise<void> {
  await runNft([tableText(bridge), ...ports.flatMap((port) => elementLines(bridge, port, 'add'))].join('\n'))
}

/** Removes elements in the words of readElements. */
export async function removeElements(bridge: string, elements: readonly string[]): Promise<void> {
  const lines = elements.map((element) => {
    const [set = '', key = ''] = [element.slice(0, element.indexOf(' ')), element.slice(element.indexOf(' ') + 1)]
    return elementLine(bridge, 'delete', { set, key })
  })
  if (lines.length > 0) await runNft(lines.join('\n'))
}

/** The elements in the kernel, as "set port . address"; undefined when the table or one of its rules is gone. */
export async function readElements(bridge: string): Promise<Set<string> | undefined> {
  const objects = await listTable(sourceTable(bridge))
  const rules = objects.filter((object) => isObject(object) && 'rule' in object)
  return rules.length === ruleCount ? new Set(objects.flatMap(elementsOf)) : undefined
}

/** The elements of these ports, in the same words. */
export function wantedElements(ports: readonly Port[]): Map<string, Port> {
  return new Map(ports.flatMap((port) => keysOf(port).map(({ set, key }) => [`${set} ${key}`, port] as const)))
}

/** Removes the table; there being none is no error. */
export async function removeSourceTable(bridge: string): Promise<void> {
  await runNft(`add table ${sourceTable(bridge)}\ndelete table ${sourceTable(bridge)}`)
}

function keysOf({ link, addresses }: Port): { set: string; key: string }[] {
  return [
    { set: 'ports', key: link },
    ...addresses.flatMap((address) =>
      address.includes(':')
        ? [
            { set: 'ipv6', key: `${link} . ${address}` },
            { set: 'targets', key: `${link} . ${toHex(address)}` },
          ]
        : [{ set: 'ipv4', key: `${link} . ${address}` }],
    ),
  ]
}

function elementLines(bridge: string, port: Port, verb: 'add' | 'delete'): string[] {
  return keysOf(port).map((key) => elementLine(bridge, verb, key, port.comment))
}

function elementLine(
  bridge: string,
  verb: 'add' | 'delete',
  { set, key }: { set: string; key: string },
  comment = '',
): string {
  const words = verb === 'add' ? ` comment "${comment.replaceAll('"', '').slice(0, 120)}"` : ''
  const [link, address] = key.split(' . ')
  const element = address === undefined ? `"${link}"` : `"${link}" . ${address}`
  return `${verb} element ${sourceTable(bridge)} ${set} { ${element}${words} }`
}

/** Rules of tableText: an answer of nft with fewer is of a table that somebody changed. */
const ruleCount = 9

function tableText(bridge: string): string {
  const table = sourceTable(bridge)
  return `
table ${table} {
  set ports {
    type ifname
  }
  set ipv4 {
    typeof iifname . ip saddr
  }
  set ipv6 {
    typeof iifname . ip6 saddr
  }
  set targets {
    typeof iifname . @nh,384,128
  }
  chain prerouting {
    type filter hook prerouting priority -300
    policy accept
  }
  chain source {
  }
}
flush chain ${table} prerouting
flush chain ${table} source
table ${table} {
  chain prerouting {
    iifname @ports jump source
  }
  chain source {
    ip daddr 127.0.0.0/8 counter drop comment "loopback of the node"
    iifname . ip saddr @ipv4 accept
    iifname . arp saddr ip @ipv4 accept
    icmpv6 type nd-router-advert counter drop comment "only the node is a router"
    icmpv6 type nd-neighbor-advert @nh,384,16 != 0xfe80 iifname . @nh,384,128 != @targets counter drop comment "neighbour that is not this pod"
    iifname . ip6 saddr @ipv6 accept
    ip6 saddr { ::, fe80::/10 } ip6 daddr { fe80::/10, ff02::/16 } accept
    counter drop comment "source address that is not this pod's"
  }
}`
}

/** The number that nft prints and reads for 16 raw bytes. */
function toHex(address: string): string {
  const number = ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return `0x${number.toString(16)}`
}

function elementsOf(object: unknown): string[] {
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
  return error instanceof CommandError && error.stderr.includes('No such file or directory')
}
