// Which address belongs to which container, on disk. A reservation is a symbolic link: its name is the address, its target
// the owner. symlink(2) is atomic and fails when the name is taken, so the directory itself is the lock: processes that
// reserve at the same time never get the same address, and one killed at any line leaves either a whole reservation or none.

import { mkdir, readdir, readFile, readlink, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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
  async reserve(ranges: readonly AddressRange[], owner: string): Promise<string[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o755 })
    const existing = (await this.list()).filter((reservation) => reservation.owner === owner)
    const addresses: string[] = []
    for (const range of ranges)
      addresses.push(
        existing.find(({ address }) => isInRange(range, address))?.address ?? (await this.#take(range, owner)),
      )
    return addresses
  }

  async #take(range: AddressRange, owner: string): Promise<string> {
    const lastGivenFile = join(this.#directory, lastGivenFiles[range.bits])
    for (const address of candidates(range, await readLastGiven(lastGivenFile))) {
      if (!(await this.#tryReserve(address, owner))) continue
      await writeFile(lastGivenFile, address)
      return address
    }
    throw new CniError(
      errorCodes.rangeFull,
      `no free address left in ${range.subnet}`,
      `reservations are in ${this.#directory}`,
    )
  }

  /** Gives back all addresses of the owner; having none is no error. */
  async release(owner: string): Promise<void> {
    await this.releaseWhere((reservation) => reservation.owner === owner)
  }

  /** Gives back all addresses that the predicate picks. */
  async releaseWhere(isStale: (reservation: Reservation) => boolean): Promise<void> {
    for (const reservation of await this.list())
      if (isStale(reservation)) await unlinkIfThere(join(this.#directory, reservation.address))
  }

  async list(): Promise<Reservation[]> {
    const names = await readdir(this.#directory).catch(ignoreMissing<string[]>([]))
    const addresses = names.filter((name) => !name.startsWith(lastGivenFiles[32]))
    const owners = await Promise.all(
      addresses.map((name) =>
        readlink(join(this.#directory, name)).catch(ignoreMissing<string | undefined>(undefined)),
      ),
    )
    return addresses.flatMap((address, index) => {
      const owner = owners[index]
      return owner === undefined ? [] : [{ address, owner }]
    })
  }

  async #tryReserve(address: string, owner: string): Promise<boolean> {
    try {
      await symlink(owner, join(this.#directory, address))
      return true
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    }
  }
}

async function readLastGiven(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(ignoreMissing<string>(''))
  return text === '' ? undefined : text
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch(ignoreMissing<void>(undefined))
}

function ignoreMissing<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (hasCode(error, 'ENOENT')) return otherwise
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
