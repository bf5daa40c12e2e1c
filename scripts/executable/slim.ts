// Makes Node's binary fit for a host as it comes: a fifth smaller, and without libatomic, which few hosts have (libstdc++ they do).

import { type DynamicEntry, Elf, segmentType, tag, versionTag } from './elf.ts'
import type { Architecture } from './packages.ts'

const library = 'libatomic.so.1'
const symbol = '__atomic_compare_exchange'

/**
 * The one function that Node has of libatomic, for the one size that it calls it with: V8's tables of handles exchange 8 bytes.
 * (size, pointer, expected, desired) -> whether it was exchanged; if not, *expected gets what was there. Any other size traps.
 */
const compareExchange: Record<Architecture, string> = {
  x64: [
    '4883ff08', //     cmp  $8, %rdi
    '7516', //         jne  trap
    '488b02', //       mov  (%rdx), %rax
    '488b09', //       mov  (%rcx), %rcx
    'f0480fb10e', //   lock cmpxchg %rcx, (%rsi)
    '7406', //         je   done
    '488902', //       mov  %rax, (%rdx)
    '31c0', //         xor  %eax, %eax
    'c3', //           ret
    'b001', //   done: mov  $1, %al
    'c3', //           ret
    '0f0b', //   trap: ud2
  ].join(''),
  arm64: [
    '1f2000f1', //          cmp   x0, #8
    'c1010054', //          b.ne  trap
    '440040f9', //          ldr   x4, [x2]
    '650040f9', //          ldr   x5, [x3]
    '26fc5fc8', //   again: ldaxr x6, [x1]
    'df0004eb', //          cmp   x6, x4
    'a1000054', //          b.ne  other
    '25fc07c8', //          stlxr w7, x5, [x1]
    '87ffff35', //          cbnz  w7, again
    '20008052', //          mov   w0, #1
    'c0035fd6', //          ret
    '5f3f03d5', //   other: clrex
    '460000f9', //          str   x6, [x2]
    '00008052', //          mov   w0, #0
    'c0035fd6', //          ret
    '00000000', //   trap:  udf
  ].join(''),
}

/** A copy without what the loader does not read: the tables of symbols for debuggers, and of sections. */
export function cutSymbols(node: Buffer): Buffer {
  const loaded = new Elf(node).segments.filter(({ type }) => type === segmentType.load)
  const end = Math.max(...loaded.map(({ offset, fileSize }) => offset + fileSize))
  const cut = Buffer.from(node.subarray(0, end))
  cut.writeBigUInt64LE(0n, 40) // where sections are,
  cut.writeUInt16LE(0, 60) // how many,
  cut.writeUInt16LE(0, 62) // and which has their names
  return cut
}

/** Puts the function into the program, and takes its library out of what the loader looks for. Changes the binary in place. */
export function removeLibatomic(node: Buffer, architecture: Architecture): void {
  const elf = new Elf(node)
  const needed = elf.dynamic.filter((entry) => entry.tag === tag.needed)
  const unwanted = needed.find(({ value }) => elf.name(value) === library)
  const other = needed.find(({ value }) => elf.name(value) === 'libc.so.6')
  if (unwanted === undefined || other === undefined)
    throw new Error(`Node no longer needs ${library}: nothing to remove`)
  bindTo(elf, addCode(elf, Buffer.from(compareExchange[architecture], 'hex')))
  elf.setValue(unwanted, other.value) // naming a library twice is the same as once
  dropVersions(elf)
}

/** Puts code behind the program's, in what is left of its last page; returns its address. */
function addCode(elf: Elf, code: Buffer): number {
  const segment = elf.segments.find(({ type, executable }) => type === segmentType.load && executable)
  if (segment === undefined) throw new Error('the program has no code')
  const offset = Math.ceil((segment.offset + segment.fileSize) / 16) * 16
  const room = elf.bytes.subarray(offset, offset + code.length)
  const isTaken = elf.segments.some((each) => each.offset > segment.offset && each.offset < offset + code.length)
  if (isTaken || room.some((byte) => byte !== 0)) throw new Error("no room is left behind the program's code")
  code.copy(room)
  const size = offset + code.length - segment.offset
  elf.writeWord(segment.at + 32, size)
  elf.writeWord(segment.at + 40, size)
  return offset - segment.offset + segment.address
}

/** What the loader would write when it has found the function is written already, and it finds nothing to do. */
function bindTo(elf: Elf, address: number): void {
  const uses = elf.relocations().filter((each) => each.symbol !== 0 && elf.symbolName(each.symbol) === symbol)
  if (uses.length === 0) throw new Error(`Node does not call ${symbol}`)
  for (const { at, target } of uses) {
    elf.writeWord(elf.offsetOf(target), address)
    elf.writeWord(at + 8, 0) // a relocation of type NONE
  }
}

/** The loader ends a program whose table of versions names a library that it was not told to load. */
function dropVersions(elf: Elf): void {
  const [table, count] = [elf.entry(versionTag.verneed), elf.entry(versionTag.count)]
  let at = elf.offsetOf(table.value)
  for (let previous: number | undefined; ; previous = at, at += elf.bytes.readUInt32LE(at + 12)) {
    const next = elf.bytes.readUInt32LE(at + 12)
    if (elf.name(elf.bytes.readUInt32LE(at + 4)) === library) {
      unlink(elf, { at, next, previous }, table)
      elf.setValue(count, count.value - 1)
      return
    }
    if (next === 0) throw new Error(`the table of versions does not have ${library}`)
  }
}

interface VersionRow {
  at: number
  /** Bytes to the next row; 0 for the last. */
  next: number
  previous: number | undefined
}

function unlink(elf: Elf, { at, next, previous }: VersionRow, table: DynamicEntry): void {
  if (previous === undefined) elf.setValue(table, table.value + next)
  else elf.bytes.writeUInt32LE(next === 0 ? 0 : at + next - previous, previous + 12)
}
