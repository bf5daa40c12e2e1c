// As much of the ELF format as the build changes in Node's binary: 64 bits, little endian. https://refspecs.linuxfoundation.org/elf/gabi4+

const [headerLength, dynamicLength, relocationLength] = [56, 16, 24]

export const segmentType = { load: 1, dynamic: 2 } as const
export const tag = { needed: 1, strtab: 5, symtab: 6, rela: 7, relaSize: 8, jmprel: 23, jmprelSize: 2 } as const
export const versionTag = { verneed: 0x6ffffffe, count: 0x6fffffff } as const

/** One row of the program headers. `at` is where the row itself lies. */
export interface Segment {
  at: number
  type: number
  executable: boolean
  offset: number
  address: number
  fileSize: number
}

/** One row of the dynamic section. */
export interface DynamicEntry {
  at: number
  tag: number
  value: number
}

/** One relocation: what is to be written where when the program is loaded. */
export interface Relocation {
  at: number
  /** Address that it writes to. */
  target: number
  symbol: number
}

/** A binary in memory, which is changed in place. */
export class Elf {
  readonly bytes: Buffer
  readonly segments: readonly Segment[]
  readonly dynamic: readonly DynamicEntry[]

  constructor(bytes: Buffer) {
    if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2) throw new Error('not a 64-bit ELF file')
    this.bytes = bytes
    this.segments = this.#readSegments()
    this.dynamic = this.#readDynamic()
  }

  /** Where the byte of an address lies in the file. */
  offsetOf(address: number): number {
    const segment = this.segments.find(
      (each) => each.type === segmentType.load && address >= each.address && address < each.address + each.fileSize,
    )
    if (segment === undefined) throw new Error(`address 0x${address.toString(16)} is in no segment of the file`)
    return address - segment.address + segment.offset
  }

  /** The entry of a tag that there is one of. */
  entry(wanted: number): DynamicEntry {
    const found = this.dynamic.find((each) => each.tag === wanted)
    if (found === undefined) throw new Error(`the dynamic section has no tag 0x${wanted.toString(16)}`)
    return found
  }

  /** A name of the dynamic section's table. */
  name(index: number): string {
    const start = this.offsetOf(this.entry(tag.strtab).value) + index
    return this.bytes.toString('latin1', start, this.bytes.indexOf(0, start))
  }

  /** The name of a dynamic symbol. */
  symbolName(index: number): string {
    return this.name(this.bytes.readUInt32LE(this.offsetOf(this.entry(tag.symtab).value) + index * 24))
  }

  /** All relocations of the dynamic section. */
  relocations(): Relocation[] {
    return [
      ...this.#readRelocations(this.entry(tag.rela).value, this.entry(tag.relaSize).value),
      ...this.#readRelocations(this.entry(tag.jmprel).value, this.entry(tag.jmprelSize).value),
    ]
  }

  setValue({ at }: DynamicEntry, value: number): void {
    this.writeWord(at + 8, value)
  }

  writeWord(at: number, value: number): void {
    this.bytes.writeBigUInt64LE(BigInt(value), at)
  }

  #word(at: number): number {
    return Number(this.bytes.readBigUInt64LE(at))
  }

  #readSegments(): Segment[] {
    const [start, count] = [this.#word(32), this.bytes.readUInt16LE(56)]
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * headerLength
      return {
        at,
        type: this.bytes.readUInt32LE(at),
        executable: (this.bytes.readUInt32LE(at + 4) & 1) === 1,
        offset: this.#word(at + 8),
        address: this.#word(at + 16),
        fileSize: this.#word(at + 32),
      }
    })
  }

  #readDynamic(): DynamicEntry[] {
    const segment = this.segments.find(({ type }) => type === segmentType.dynamic)
    if (segment === undefined) throw new Error('the program is linked statically')
    const entries: DynamicEntry[] = []
    for (let at = segment.offset; at < segment.offset + segment.fileSize; at += dynamicLength) {
      const entry = { at, tag: this.#word(at), value: this.#word(at + 8) }
      if (entry.tag === 0) break
      entries.push(entry)
    }
    return entries
  }

  #readRelocations(address: number, size: number): Relocation[] {
    const start = this.offsetOf(address)
    return Array.from({ length: size / relocationLength }, (_, index) => {
      const at = start + index * relocationLength
      return { at, target: this.#word(at), symbol: this.bytes.readUInt32LE(at + 12) }
    })
  }
}
