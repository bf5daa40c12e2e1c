// Where captured packets go: lines on the terminal, or a pcapng file.

import { closeSync, openSync, writeSync } from 'node:fs'
import { hasCode } from '../../../cni/linux/system-error.ts'
import { dissect } from './dissect.ts'
import type { Names } from './names.ts'
import { enhancedPacket, interfaceDescription, interfaceStatistics, nameResolution, sectionHeader } from './pcapng.ts'
import type { OpenTap, SeenPacket } from './run.ts'
import { describeHop } from './taps.ts'

export interface PacketOutput {
  write(packet: SeenPacket): void
  close(): void
}

/** One line a packet: time, where, what, and the names of both ends. */
export class TextOutput implements PacketOutput {
  readonly #taps: readonly OpenTap[]
  readonly #names: Names
  readonly #width: number
  readonly #print: (line: string) => void

  constructor(taps: readonly OpenTap[], names: Names, print: (line: string) => void) {
    this.#taps = taps
    this.#names = names
    this.#print = print
    this.#width = Math.max(0, ...taps.map(({ hop }) => describeHop(hop).length))
  }

  write({ tap, timeNs, data }: SeenPacket): void {
    const open = this.#taps[tap]
    if (open === undefined) return
    const { source, destination, text } = dissect(data, open.stream.linkType)
    const names = this.#names.describe(source, destination)
    const where = describeHop(open.hop).padEnd(this.#width)
    this.#print(`${formatTime(timeNs)}  ${where}  ${text}${names === undefined ? '' : `  (${names})`}\n`)
  }

  close(): void {}
}

/** "11:02:03.123456", in the time zone of the reader. */
function formatTime(timeNs: bigint): string {
  const date = new Date(Number(timeNs / 1_000_000n))
  const two = (number: number) => String(number).padStart(2, '0')
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${clock}.${String((timeNs / 1000n) % 1_000_000n).padStart(6, '0')}`
}

/** How long a reader of stdout is given to make room. */
const fullPipeMs = 10

/** A file that is whole after each packet; "-" is stdout. */
export class PcapngOutput implements PacketOutput {
  readonly #file: number
  readonly #isOwn: boolean
  readonly #taps: readonly OpenTap[]
  readonly #names: Names
  readonly #received: number[]
  #lastNs = 0n

  constructor(path: string, taps: readonly OpenTap[], names: Names, comment: string) {
    this.#isOwn = path !== '-'
    this.#file = this.#isOwn ? openSync(path, 'w') : process.stdout.fd
    this.#taps = taps
    this.#names = names
    this.#received = taps.map(() => 0)
    this.#put(sectionHeader({ os: process.platform, application: 'fairlead net capture', comment }))
    for (const { hop, filter, stream } of taps) {
      const name = hop.place.pod === undefined ? `${hop.place.node}:${hop.device}` : `${hop.place.pod}:${hop.device}`
      const { linkType, snaplen } = stream
      this.#put(interfaceDescription({ name, description: describeHop(hop), filter, linkType, snaplen }))
    }
    this.#put(nameResolution(names.hosts()))
  }

  write(packet: SeenPacket): void {
    const { source, destination } = dissect(packet.data, this.#taps[packet.tap]?.stream.linkType)
    this.#put(enhancedPacket(packet.tap, packet, this.#names.describe(source, destination)))
    this.#received[packet.tap] = (this.#received[packet.tap] ?? 0) + 1
    this.#lastNs = packet.timeNs
  }

  close(): void {
    for (const [tap, received] of this.#received.entries()) this.#put(interfaceStatistics(tap, this.#lastNs, received))
    if (this.#isOwn) closeSync(this.#file)
  }

  #put(block: Buffer): void {
    for (let at = 0; at < block.length; ) at += this.#write(block.subarray(at))
  }

  /** Node makes a pipe on stdout non-blocking: its reader may be slower than the packets come. */
  #write(bytes: Buffer): number {
    try {
      return writeSync(this.#file, bytes)
    } catch (error) {
      if (!hasCode(error, 'EAGAIN')) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullPipeMs)
      return 0
    }
  }
}
