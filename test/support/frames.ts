// Ethernet frames made by hand, for pods that lie about who they are.

import { execa } from 'execa'
import ipaddr from 'ipaddr.js'
import type { Host } from './namespaces.ts'

const everybody = 'ff:ff:ff:ff:ff:ff'
const allNodes = 'ff02::1'

/** Sends one frame out of the host's eth0, as it is. */
export async function sendFrame(host: Host, frame: Buffer): Promise<void> {
  await execa('nsenter', [`--net=${host.netns}`, 'socat', '-u', '-', 'INTERFACE:eth0'], { input: frame })
}

/** "The address is mine": an ARP announcement (RFC 5227). */
export function arpAnnouncement(mac: string, address: string): Buffer {
  const [from, ip] = [macBytes(mac), ipBytes(address)]
  const header = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1])
  return Buffer.concat([ethernet(everybody, mac, 0x0806), header, from, ip, Buffer.alloc(6), ip])
}

/** "The address is mine": an unsolicited neighbour advertisement (RFC 4861) to all nodes of the link. */
export function neighbourAdvertisement(mac: string, address: string): Buffer {
  // Override, and the target's hardware address as the one option.
  const body = Buffer.concat([Buffer.from([0x20, 0, 0, 0]), ipBytes(address), Buffer.from([2, 1]), macBytes(mac)])
  return icmpv6(mac, address, 136, body)
}

/** "I am a router": with a lifetime of half an hour. */
export function routerAdvertisement(mac: string, source: string): Buffer {
  return icmpv6(mac, source, 134, Buffer.from([64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]))
}

interface Datagram {
  /** Hardware addresses. */
  mac: string
  toMac: string
  source: string
  destination: string
  port: number
}

/** A datagram over IPv4 behind the tag of VLAN 0, which says nothing but how urgent it is: receivers take it for one without (IEEE 802.1Q). */
export function priorityTaggedDatagram({ mac, toMac, source, destination, port }: Datagram): Buffer {
  const text = Buffer.from('tagged')
  const numbers = [port, port, 8 + text.length, 0]
  const udp = Buffer.concat([Buffer.from(numbers.flatMap((number) => [number >> 8, number & 255])), text])
  const head = Buffer.from([0x45, 0, 0, 20 + udp.length, 0, 0, 0, 0, 64, 17, 0, 0])
  const header = Buffer.concat([head, ipBytes(source), ipBytes(destination)])
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([ethernet(toMac, mac, 0x8100), Buffer.from([0, 0, 0x08, 0x00]), header, udp])
}

function icmpv6(mac: string, source: string, type: number, body: Buffer): Buffer {
  const [from, to] = [ipBytes(source), ipBytes(allNodes)]
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0]), body])
  const length = Buffer.from([0, 0, 0, message.length])
  const sum = checksum(Buffer.concat([from, to, length, Buffer.from([0, 0, 0, 58]), message]))
  message.writeUInt16BE(sum, 2)
  const header = Buffer.from([0x60, 0, 0, 0, 0, message.length, 58, 255])
  return Buffer.concat([ethernet('33:33:00:00:00:01', mac, 0x86dd), header, from, to, message])
}

function ethernet(to: string, from: string, type: number): Buffer {
  return Buffer.concat([macBytes(to), macBytes(from), Buffer.from([type >> 8, type & 255])])
}

/** RFC 1071, of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  return ~sum & 0xffff
}

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}

function ipBytes(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray())
}
