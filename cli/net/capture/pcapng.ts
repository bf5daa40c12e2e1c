// Writes the pcapng format: blocks that programs such as Wireshark and tcpdump read. Pure; little-endian; nanoseconds.
// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html

import ipaddr from 'ipaddr.js'
import type { CapturedPacket } from './pcap.ts'

const blockTypes = { section: 0x0a0d0d0a, interface: 1, names: 4, statistics: 5, packet: 6 }

/** Codes of options; those from 2 on mean something else in each kind of block (section 4). */
const options = {
  end: 0,
  comment: 1,
  section: { os: 3, application: 4 },
  interface: { name: 2, description: 3, filter: 11, timeResolution: 9 },
  statistics: { received: 4 },
}

/** Begins a file. */
export function sectionHeader({ os, application, comment }: { os: string; application: string; comment?: string }) {
  const fixed = Buffer.alloc(16)
  fixed.writeUInt32LE(0x1a2b3c4d, 0) // byte order
  fixed.writeUInt16LE(1, 4) // version 1.0
  fixed.writeBigInt64LE(-1n, 8) // length of the section: not known
  return block(blockTypes.section, fixed, [
    ...(comment === undefined ? [] : [textOption(options.comment, comment)]),
    textOption(options.section.os, os),
    textOption(options.section.application, application),
  ])
}

export interface InterfaceDescription {
  name: string
  description: string
  filter: string
  linkType: number
  snaplen: number
}

/** Interfaces are numbered in the order of their descriptions, from 0. */
export function interfaceDescription({ name, description, filter, linkType, snaplen }: InterfaceDescription): Buffer {
  const fixed = Buffer.alloc(8)
  fixed.writeUInt16LE(linkType, 0)
  fixed.writeUInt32LE(snaplen, 4)
  return block(blockTypes.interface, fixed, [
    textOption(options.interface.name, name),
    textOption(options.interface.description, description),
    option(options.interface.timeResolution, Buffer.of(9)),
    // The first byte says that a text in the language of pcap-filter(7) follows.
    ...(filter === '' ? [] : [option(options.interface.filter, Buffer.concat([Buffer.of(0), Buffer.from(filter)]))]),
  ])
}

/** Names for addresses, so that a reader without the cluster can show them. */
export function nameResolution(names: Iterable<[address: string, name: string]>): Buffer {
  const records = [...names].map(([address, name]) => {
    const bytes = Buffer.from(ipaddr.parse(address).toByteArray())
    const value = Buffer.concat([bytes, Buffer.from(`${name}\0`)])
    return option(bytes.length === 4 ? 1 : 2, value)
  })
  return block(blockTypes.names, Buffer.concat([...records, Buffer.alloc(4)]), [])
}

/** A packet that the interface of that number saw. */
export function enhancedPacket(
  interfaceId: number,
  { timeNs, data, originalLength }: CapturedPacket,
  comment?: string,
): Buffer {
  const fixed = Buffer.alloc(20)
  fixed.writeUInt32LE(interfaceId, 0)
  fixed.writeUInt32LE(Number(timeNs >> 32n), 4)
  fixed.writeUInt32LE(Number(timeNs & 0xffffffffn), 8)
  fixed.writeUInt32LE(data.length, 12)
  fixed.writeUInt32LE(originalLength, 16)
  const body = Buffer.concat([fixed, pad(data)])
  return block(blockTypes.packet, body, comment === undefined ? [] : [textOption(options.comment, comment)])
}

/** How many packets the interface of that number has seen in all. */
export function interfaceStatistics(interfaceId: number, timeNs: bigint, received: number): Buffer {
  const fixed = Buffer.alloc(12)
  fixed.writeUInt32LE(interfaceId, 0)
  fixed.writeUInt32LE(Number(timeNs >> 32n), 4)
  fixed.writeUInt32LE(Number(timeNs & 0xffffffffn), 8)
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(received))
  return block(blockTypes.statistics, fixed, [option(options.statistics.received, count)])
}

/** Type and length before, the length again behind, everything in steps of four bytes. */
function block(type: number, fixed: Buffer, optionList: Buffer[]): Buffer {
  const end = optionList.length === 0 ? [] : [option(options.end, Buffer.alloc(0))]
  const body = Buffer.concat([pad(fixed), ...optionList, ...end])
  const head = Buffer.alloc(8)
  head.writeUInt32LE(type, 0)
  head.writeUInt32LE(body.length + 12, 4)
  return Buffer.concat([head, body, head.subarray(4)])
}

function textOption(code: number, text: string): Buffer {
  return option(code, Buffer.from(text))
}

function option(code: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(code, 0)
  head.writeUInt16LE(value.length, 2)
  return Buffer.concat([head, pad(value)])
}

function pad(bytes: Buffer): Buffer {
  const lacking = -bytes.length & 3
  return lacking === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(lacking)])
}
