// Reads the pcap format as it comes: a header, then packets. https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html

/** One packet as a link saw it. */
export interface CapturedPacket {
  /** Nanoseconds since 1970, by the clock of the node that saw it. */
  timeNs: bigint
  data: Buffer
  /** How long it was on the link; data may be its beginning only. */
  originalLength: number
}

export interface PcapStream {
  /** The kind of the packets' outermost header, such as 1 for Ethernet. */
  linkType: number
  snaplen: number
  /** Ends with the stream; a packet cut off at its end is left out. */
  packets: AsyncGenerator<CapturedPacket>
}

const magics = { nanoseconds: 0xa1b23c4d, microseconds: 0xa1b2c3d4 }

/** Resolves when the header is there, which tcpdump sends once it sees packets. Undefined for an empty stream. */
export async function openPcap(body: AsyncIterable<Uint8Array>): Promise<PcapStream | undefined> {
  const reader = new ByteReader(body)
  const head = await reader.take(24)
  if (head === undefined) return undefined
  const isLittle = Object.values(magics).includes(head.readUInt32LE(0))
  const read = (from: Buffer, at: number) => (isLittle ? from.readUInt32LE(at) : from.readUInt32BE(at))
  const magic = read(head, 0)
  if (magic !== magics.nanoseconds && magic !== magics.microseconds) throw new Error('the answer is no pcap stream')
  const unitNs = magic === magics.nanoseconds ? 1n : 1000n

  async function* packets(): AsyncGenerator<CapturedPacket> {
    for (;;) {
      const header = await reader.take(16)
      if (header === undefined) return
      const data = await reader.take(read(header, 8))
      if (data === undefined) return
      const timeNs = BigInt(read(header, 0)) * 1_000_000_000n + BigInt(read(header, 4)) * unitNs
      yield { timeNs, data, originalLength: read(header, 12) }
    }
  }
  return { linkType: read(head, 20) & 0xffff, snaplen: read(head, 16), packets: packets() }
}

/** Gives out a stream in pieces of any size. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>
  #chunks: Uint8Array[] = []
  #length = 0

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#source = body[Symbol.asyncIterator]()
  }

  /** Undefined when the stream ends before there are so many bytes. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#length < length) {
      const { done, value } = await this.#source.next()
      if (done === true) return undefined
      this.#chunks.push(value)
      this.#length += value.length
    }
    const [first, ...others] = this.#chunks
    // A chunk holds many packets: it is not copied for each.
    const all =
      first !== undefined && others.length === 0
        ? Buffer.from(first.buffer, first.byteOffset, first.length)
        : Buffer.concat(this.#chunks)
    this.#chunks = [all.subarray(length)]
    this.#length -= length
    return all.subarray(0, length)
  }
}
