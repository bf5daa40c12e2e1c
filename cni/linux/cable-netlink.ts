// Cables into other namespaces by netlink: what `ip -batch`, here and below nsenter, would do in three starts of a program.

import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { addressBytes, insideNamespace, makeAttribute, makeRequest, NetlinkError, transact } from './netlink.ts'

export interface CableSetup {
  /** The end that stays here, a port of the bridge. */
  hostLink: string
  bridge: string
  hairpin: boolean
  mtu: number
  /** The end in the namespace. */
  netns: string
  ifname: string
  mac: string
}

/** Makes a veth pair and plugs its near end in. Throws a NetlinkError. */
export function makeCable({ hostLink, bridge, hairpin, mtu, netns, ifname, mac }: CableSetup): void {
  const master = indexOf(bridge)
  const fd = openSync(netns, 'r')
  try {
    const peer = [linkHeader(0, 0), nameAttribute(ifname), number(linkMtu, mtu), number(linkNetnsFd, fd)]
    const far = makeAttribute(
      1,
      Buffer.concat([...peer, makeAttribute(linkAddress, Buffer.from(mac.replaceAll(':', ''), 'hex'))]),
    )
    const veth = makeAttribute(linkInfo, Buffer.concat([text(1, 'veth'), makeAttribute(2, far)]))
    const near = [linkHeader(0, 0), nameAttribute(hostLink), number(linkMtu, mtu), number(linkMaster, master), veth]
    transact(`cannot make link ${hostLink} and its end ${ifname}`, [
      makeRequest(newLink, createExclusive, Buffer.concat(near)),
      makeRequest(
        newLink,
        0,
        Buffer.concat([linkHeader(0, 1), nameAttribute(hostLink), noLinkLocal(), bridgePort(hairpin)]),
      ),
    ])
  } finally {
    closeSync(fd)
  }
}

/** Whether a link that was named is not there. */
export function isNoDevice(error: unknown): boolean {
  return error instanceof NetlinkError && error.errno === constants.errno.ENODEV
}

/** No address of its own on the near end: it is a port and nothing else. */
function noLinkLocal(): Buffer {
  return makeAttribute(linkAfSpec, makeAttribute(familyIpv6, makeAttribute(8, Buffer.from([1]))))
}

function bridgePort(hairpin: boolean): Buffer {
  const mode = makeAttribute(5, makeAttribute(4, Buffer.from([hairpin ? 1 : 0])))
  return makeAttribute(linkInfo, Buffer.concat([text(4, 'bridge'), mode]))
}

function indexOf(ifname: string): number {
  const [found] = transact(`cannot find link ${ifname}`, [
    makeRequest(getLink, 0, Buffer.concat([linkHeader(0, 0), nameAttribute(ifname)])),
  ])
  return found?.readInt32LE(20) ?? 0
}

function number(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return makeAttribute(type, bytes)
}

function text(type: number, value: string): Buffer {
  return makeAttribute(type, Buffer.from(`${value}\0`))
}

export interface LinkSetup {
  ifname: string
  addresses: readonly { address: string; prefixLength: number }[]
  /** One default route by each. */
  gateways: readonly string[]
}

/** Sets up the loopback and the link. What is there already stays. Throws a NetlinkError. */
export function setUpLink(netns: string, { ifname, addresses, gateways }: LinkSetup): void {
  insideNamespace(netns, () => {
    // Docker turns IPv6 off in the namespaces that it makes without a network.
    if (addresses.some(({ address }) => address.includes(':'))) for (const name of ['lo', ifname]) turnIpv6On(name)
    const index = indexOf(ifname)
    transact(`cannot set up ${ifname} in ${netns}`, [
      upRequest(loopbackIndex),
      ...addresses.map((each) => addressRequest(index, each.address, each.prefixLength)),
      upRequest(index),
      ...gateways.map((gateway) => defaultRouteRequest(index, gateway)),
    ])
  })
}

function turnIpv6On(ifname: string): void {
  const setting = `/proc/sys/net/ipv6/conf/${ifname}/disable_ipv6`
  if (existsSync(setting) && readFileSync(setting, 'latin1').trim() === '1') writeFileSync(setting, '0')
}

/** struct ifinfomsg */
function linkHeader(index: number, flags: number): Buffer {
  const header = Buffer.alloc(16)
  header.writeInt32LE(index, 4)
  header.writeUInt32LE(flags, 8)
  header.writeUInt32LE(flags, 12)
  return header
}

function nameAttribute(ifname: string): Buffer {
  return text(linkName, ifname)
}

function upRequest(index: number): Buffer {
  return makeRequest(newLink, 0, linkHeader(index, 1))
}

/** struct ifaddrmsg, IFA_LOCAL and IFA_ADDRESS */
function addressRequest(index: number, address: string, prefixLength: number): Buffer {
  const isIpv6 = address.includes(':')
  const header = Buffer.alloc(8)
  header.writeUInt8(isIpv6 ? familyIpv6 : familyIpv4, 0)
  header.writeUInt8(prefixLength, 1)
  // Addresses are given once by the reservations: duplicate address detection would only keep them unusable for a second.
  header.writeUInt8(isIpv6 ? noDad : 0, 2)
  header.writeUInt32LE(index, 4)
  const bytes = addressBytes(address)
  const body = Buffer.concat([header, makeAttribute(2, bytes), makeAttribute(1, bytes)])
  return makeRequest(newAddress, createOrReplace, body)
}

/** struct rtmsg, RTA_GATEWAY and RTA_OIF; protocol "boot", as ip gives to routes */
function defaultRouteRequest(index: number, gateway: string): Buffer {
  const header = Buffer.from([gateway.includes(':') ? familyIpv6 : familyIpv4, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0])
  const body = Buffer.concat([header, makeAttribute(5, addressBytes(gateway)), number(4, index)])
  return makeRequest(newRoute, createOrReplace, body)
}

// linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h
const linkAddress = 1
const linkName = 3
const linkMtu = 4
const linkMaster = 10
const linkInfo = 18
const linkAfSpec = 26
const linkNetnsFd = 28
const createExclusive = 0x600
const newLink = 16
const getLink = 18
const newAddress = 20
const newRoute = 24
const createOrReplace = 0x500
const noDad = 2
const familyIpv4 = 2
const familyIpv6 = 10
const loopbackIndex = 1
