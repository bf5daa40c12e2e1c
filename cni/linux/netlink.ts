// netlink(7) spoken in this process by way of node:ffi, for what is done to every pod: addresses, routes and links in a
// namespace of its own, and elements of sets, where starting nsenter and ip, or nft, costs twenty times as much. node:ffi is
// experimental: whoever speaks netlink has another way for where it cannot be had, and a long-running program turns it on by itself.

import { closeSync, openSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import ipaddr from 'ipaddr.js'

type Ffi = typeof import('node:ffi')

interface Libc {
  socket(domain: number, type: number, protocol: number): number
  setns(fd: number, type: number): number
  send(fd: number, buffer: Buffer, length: bigint, flags: number): bigint
  recv(fd: number, buffer: Buffer, length: bigint, flags: number): bigint
  close(fd: number): number
  errno(): number
}

/** A request that the kernel refused, by its number in errno(3). */
export class NetlinkError extends Error {
  readonly errno: number

  constructor(action: string, errno: number) {
    super(`${action}: ${getSystemErrorMessage(-errno)}`)
    this.errno = errno
  }
}

let libc: Libc | undefined

/** Turns netlink on for this process, where its Node can call into the C library. */
export function enableNetlink(): void {
  const ffi: Ffi | undefined = process.getBuiltinModule('node:ffi')
  if (ffi === undefined) return
  libc ??= loadLibc(ffi)
}

/** Whether enableNetlink was called, and worked. */
export function hasNetlink(): boolean {
  return libc !== undefined
}

function loadLibc(ffi: Ffi): Libc {
  const { functions } = ffi.dlopen(null, {
    socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    setns: { arguments: ['i32', 'i32'], return: 'i32' },
    send: { arguments: ['i32', 'pointer', 'u64', 'i32'], return: 'i64' },
    recv: { arguments: ['i32', 'pointer', 'u64', 'i32'], return: 'i64' },
    close: { arguments: ['i32'], return: 'i32' },
    __errno_location: { arguments: [], return: 'pointer' },
  })
  const { __errno_location: place, ...calls } = functions
  return { ...calls, errno: () => ffi.getInt32(place()) } as Libc
}

/**
 * Runs the work with this thread inside the namespace, as `ip` is run by nsenter; files below /proc/sys/net are the
 * namespace's too. The work is synchronous, so nothing else of this process ever sees the other namespace.
 */
export function insideNamespace<T>(netns: string, work: () => T): T {
  const { setns, errno } = requireLibc()
  const own = openSync('/proc/thread-self/ns/net', 'r')
  const other = openSync(netns, 'r')
  try {
    if (setns(other, cloneNewNet) !== 0) throw new NetlinkError(`cannot enter ${netns}`, errno())
    try {
      return work()
    } finally {
      // In the wrong namespace everything that this process does next would be wrong.
      if (setns(own, cloneNewNet) !== 0) process.abort()
    }
  } finally {
    closeSync(other)
    closeSync(own)
  }
}

/** Sends requests of rtnetlink in order and returns answers other than "done". Throws a NetlinkError that names the action when the kernel refuses one. */
export function transact(action: string, requests: readonly Buffer[]): Buffer[] {
  const fd = openSocket(action, protocolRoute)
  try {
    return exchange(action, fd, Buffer.concat(requests), requests.length)
  } finally {
    requireLibc().close(fd)
  }
}

/** Sends requests of nftables as one transaction: all are done, or none. Throws a NetlinkError that names the action. */
export function transactNetfilter(action: string, requests: readonly Buffer[]): void {
  exchangeNetfilter(
    action,
    Buffer.concat([batchMessage(batchBegin), ...requests, batchMessage(batchEnd)]),
    requests.length,
  )
}

/** Sends one question to nftables and returns its answers. Throws a NetlinkError that names the action. */
export function askNetfilter(action: string, request: Buffer): Buffer[] {
  return exchangeNetfilter(action, request, 1)
}

/**
 * Open for as long as the process lives: whoever closes one waits until the kernel has freed what transactions have deleted, anybody's,
 * which takes it a grace period (nft_rcv_nl_event in net/netfilter/nf_tables_api.c).
 */
let netfilterSocket: number | undefined

function exchangeNetfilter(action: string, text: Buffer, requestCount: number): Buffer[] {
  netfilterSocket ??= openSocket(action, protocolNetfilter)
  try {
    return exchange(action, netfilterSocket, text, requestCount)
  } catch (error) {
    // There may be more answers of it, which are nobody's.
    requireLibc().close(netfilterSocket)
    netfilterSocket = undefined
    throw error
  }
}

function openSocket(action: string, protocol: number): number {
  const { socket, errno } = requireLibc()
  const fd = socket(familyNetlink, socketRaw | closeOnExec, protocol)
  if (fd < 0) throw new NetlinkError(`${action}: no netlink socket`, errno())
  return fd
}

/** Sends what asks for so many acknowledgements. */
function exchange(action: string, fd: number, text: Buffer, requestCount: number): Buffer[] {
  const { send, recv, errno } = requireLibc()
  if (send(fd, text, BigInt(text.length), 0) < 0n) throw new NetlinkError(action, errno())
  const answers: Buffer[] = []
  // The kernel has answered all of it by the time send returns.
  for (let waiting = requestCount; waiting > 0; ) {
    const buffer = Buffer.alloc(16_384)
    const length = Number(recv(fd, buffer, BigInt(buffer.length), dontWait))
    if (length < 0) throw new NetlinkError(`${action}: no answer`, errno())
    for (const message of splitMessages(buffer.subarray(0, length))) {
      if (message.readUInt16LE(4) !== errorType) answers.push(message)
      else if (message.readInt32LE(headerLength) !== 0)
        throw new NetlinkError(action, -message.readInt32LE(headerLength))
      else waiting--
    }
  }
  return answers
}

/** struct nlmsghdr, and struct nfgenmsg that names nftables. */
function batchMessage(type: number): Buffer {
  const message = Buffer.alloc(headerLength + 4)
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE(type, 4)
  message.writeUInt16LE(requestFlag, 6)
  message.writeUInt16BE(subsystemNftables, headerLength + 2)
  return message
}

/** One request, to be acknowledged. The body begins with the fixed part of its type. */
export function makeRequest(type: number, flags: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerLength)
  header.writeUInt32LE(headerLength + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags | requestFlag | ackFlag, 6)
  return pad(Buffer.concat([header, body]))
}

/** An attribute: length, type, value. */
export function makeAttribute(type: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt16LE(4 + value.length, 0)
  header.writeUInt16LE(type, 2)
  return pad(Buffer.concat([header, value]))
}

/** The bytes of an address. */
export function addressBytes(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray())
}

function splitMessages(buffer: Buffer): Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at + headerLength <= buffer.length; ) {
    const length = buffer.readUInt32LE(at)
    messages.push(buffer.subarray(at, at + length))
    at += Math.ceil(length / 4) * 4
  }
  return messages
}

function pad(buffer: Buffer): Buffer {
  const missing = (4 - (buffer.length % 4)) % 4
  return missing === 0 ? buffer : Buffer.concat([buffer, Buffer.alloc(missing)])
}

function requireLibc(): Libc {
  if (libc === undefined) throw new Error('netlink was not turned on in this process')
  return libc
}

// linux/netlink.h, linux/netfilter/nfnetlink.h, sys/socket.h, sched.h
const headerLength = 16
const errorType = 2
const requestFlag = 1
const ackFlag = 4
const familyNetlink = 16
const socketRaw = 3
const protocolRoute = 0
const protocolNetfilter = 12
const batchBegin = 16
const batchEnd = 17
const subsystemNftables = 10
const closeOnExec = 0x80000
const dontWait = 0x40
const cloneNewNet = 0x40000000
