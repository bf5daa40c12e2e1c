// Which address belongs to which container, on disk. A reservation is a symbolic link: its name is the address, its target
// the owner. symlink(2) is atomic and fails when the name is taken, so the directory itself is the lock: processes that
// reserve at the same time never get the same address, and one killed at any line leaves either a whole reservation or none.
//
// Without promises, as each call takes microseconds: a thread pool's turn takes longer.

import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { hasCode } from '../linux/system-error.ts'
import { CniError, errorCodes } from '../spec.ts'
import { type AddressRange, candidates, isInRange } from './range.ts'

/** Where the search goes on, by family; only a hint, so that a lost write costs nothing. */
const lastGivenFiles = { 32: 'last-given', 128: 'last-given-ipv6' } as const

export interface Reservation {
  address: string
  owner: string
}

/** The name of a container's interface among reservations. */
export function toOwner(containerId: string, ifname: string): string {
  return `${containerId}:${ifname}`
}

export class Reservations {
  readonly #directory: string

  /** One directory per network. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /**
   * Reserves a free address of each range, or returns those that this owner has. Throws a CniError when one is full; what
   * was reserved until then is the caller's to release.
   */
  reserve(ranges: readonly AddressRange[], owner: string): string[] {
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 })
    const existing = this.list().filter((reservation) => reservation.owner === owner)
    return ranges.map(
      (range) => existing.find(({ address }) => isInRange(range, address))?.address ?? this.#take(range, owner),
    )
  }

  #take(range: AddressRange, owner: string): string {
    const lastGivenFile = join(this.#directory, lastGivenFiles[range.bits])
    for (const address of candidates(range, readLastGiven(lastGivenFile, range))) {
      if (!this.#tryReserve(address, owner)) continue
      writeFileSync(lastGivenFile, address)
      return address
    }
    throw new CniError(
      errorCodes.rangeFull,
      `no free address left in ${range.subnet}`,
      `reservations are in ${this.#directory}`,
    )
  }

  /** Gives these addresses back; ones that are free already are no error. */
  free(addresses: readonly string[]): void {
    for (const address of addresses) rmSync(join(this.#directory, address), { force: true })
  }

  /** Gives back all addresses that the predicate picks. */
  releaseWhere(isStale: (reservation: Reservation) => boolean): void {
    this.free(
      this.list()
        .filter(isStale)
        .map(({ address }) => address),
    )
  }

  list(): Reservation[] {
    return ifThere(() => readdirSync(this.#directory), [])
      .filter((name) => !name.startsWith(lastGivenFiles[32]))
      .flatMap((address) => {
        const owner = ifThere(() => readlinkSync(join(this.#directory, address)), undefined)
        return owner === undefined ? [] : [{ address, owner }]
      })
  }

  #tryReserve(address: string, owner: string): boolean {
    try {
      symlinkSync(owner, join(this.#directory, address))
      return true
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    }
  }
}

/** Processes that write it at the same time can leave a mixture of their addresses, which is then no hint. */
function readLastGiven(file: string, range: AddressRange): string | undefined {
  const text = ifThere(() => readFileSync(file, 'utf8'), '')
  return isIP(text) !== 0 && isInRange(range, text) ? text : undefined
}

function ifThere<T, U>(read: () => T, otherwise: U): T | U {
  try {
    return read()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return otherwise
    throw error
  }
}
