// One line about a packet, from its headers alone: who to whom, and what. Pure; never throws, whatever the bytes are.

import ipaddr from 'ipaddr.js'

export interface Summary {
  /** IP addresses; absent for what has none. */
  source?: string
  destination?: string
  /** "10.244.1.2:40000 > 10.96.0.7:80 TCP S". */
  text: string
}

const linkTypes = { ethernet: 1, raw: [12, 101, 228, 229] }
const vxlanPorts = new Set([4789, 8472])

/** Reads a packet whose outermost header is of this kind (numbers of tcpdump.org/linktypes.html). */
export function dissect(data: Buffer, linkType = linkTypes.ethernet): Summary {
  try {
    if (linkType === linkTypes.ethernet) return readEthernet(data)
    if (linkTypes.raw.includes(linkType)) return readIp(data)
    return { text: `link type ${linkType}, ${data.length} bytes` }
  } catch (error) {
    // The snapshot ends in the middle of a header.
    if (error instanceof RangeError) return { text: `cut off after ${data.length} bytes` }
    throw error
  }
}

function readEthernet(frame: Buffer): Summary {
  const isTagged = frame.readUInt16BE(12) === 0x8100
  const type = frame.readUInt16BE(isTagged ? 16 : 12)
  const payload = frame.subarray(isTagged ? 18 : 14)
  if (type === 0x0800 || type === 0x86dd) return readIp(payload)
  if (type === 0x0806) return readArp(payload)
  return { text: `${mac(frame, 6)} > ${mac(frame, 0)} ethertype 0x${type.toString(16).padStart(4, '0')}` }
}

function readArp(packet: Buffer): Summary {
  const isRequest = packet.readUInt16BE(6) === 1
  const [sender, target] = [address(packet, 14, 4), address(packet, 24, 4)]
  return {
    source: sender,
    destination: target,
    text: isRequest ? `ARP who has ${target}? tell ${sender}` : `ARP ${sender} is at ${mac(packet, 8)}`,
  }
}

function readIp(packet: Buffer): Summary {
  const isIpv6 = packet.readUInt8(0) >> 4 === 6
  const length = isIpv6 ? 16 : 4
  const source = address(packet, isIpv6 ? 8 : 12, length)
  const destination = address(packet, isIpv6 ? 24 : 16, length)
  const isLaterFragment = !isIpv6 && (packet.readUInt16BE(6) & 0x1fff) !== 0
  const protocol = packet.readUInt8(isIpv6 ? 6 : 9)
  const payload = packet.subarray(isIpv6 ? 40 : (packet.readUInt8(0) & 15) * 4)
  const totalBytes = isIpv6 ? packet.readUInt16BE(4) : packet.readUInt16BE(2) - (packet.readUInt8(0) & 15) * 4
  const ends = { source, destination }
  if (isLaterFragment) return { ...ends, text: `${source} > ${destination} fragment` }
  return { ...ends, text: readTransport(protocol, payload, totalBytes, ends) }
}

function readTransport(
  protocol: number,
  payload: Buffer,
  totalBytes: number,
  { source, destination }: { source: string; destination: string },
): string {
  if (protocol !== 6 && protocol !== 17 && protocol !== 132)
    return `${source} > ${destination} ${readOther(protocol, payload)}`
  const [from, to] = [payload.readUInt16BE(0), payload.readUInt16BE(2)]
  const ends = `${withPort(source, from)} > ${withPort(destination, to)}`
  if (protocol === 132) return `${ends} SCTP`
  if (protocol === 6) {
    const length = totalBytes - (payload.readUInt8(12) >> 4) * 4
    return `${ends} TCP ${flags(payload.readUInt8(13))}${length > 0 ? ` ${length} bytes` : ''}`
  }
  if (vxlanPorts.has(to) && payload.length > 30)
    return `${ends} VXLAN ${payload.readUIntBE(12, 3)} | ${readEthernet(payload.subarray(16)).text}`
  return `${ends} UDP ${payload.readUInt16BE(4) - 8} bytes`
}

const icmpTypes: Record<number, string> = {
  0: 'echo reply',
  3: 'unreachable',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
}
const icmp6Types: Record<number, string> = {
  1: 'unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
}

function readOther(protocol: number, payload: Buffer): string {
  if (protocol !== 1 && protocol !== 58) return `protocol ${protocol}`
  const [type, code] = [payload.readUInt8(0), payload.readUInt8(1)]
  if (protocol === 1 && type === 3 && code === 4) return `ICMP fragmentation needed, MTU ${payload.readUInt16BE(6)}`
  const word = (protocol === 1 ? icmpTypes : icmp6Types)[type] ?? `type ${type}`
  return `${protocol === 1 ? 'ICMP' : 'ICMPv6'} ${word}${code === 0 ? '' : ` (code ${code})`}`
}

/** As tcpdump writes them: S, S., ., P., F., R. */
function flags(bits: number): string {
  const letters = [...'FSRP'].filter((_, bit) => (bits & (1 << bit)) !== 0).join('')
  return `${letters}${(bits & 16) !== 0 ? '.' : ''}${(bits & 32) !== 0 ? 'U' : ''}` || 'none'
}

function address(packet: Buffer, at: number, length: number): string {
  if (packet.length < at + length) throw new RangeError('short')
  return ipaddr.fromByteArray([...packet.subarray(at, at + length)]).toString()
}

function mac(frame: Buffer, at: number): string {
  return [...frame.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** "10.0.0.1:80", "[fd00::1]:80". */
function withPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}
