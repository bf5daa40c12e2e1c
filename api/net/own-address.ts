// The address by which others reach this very host, read from the kernel without a program, and watched.

import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { pause } from '../client/alarm.ts'
import { canonicalAddress } from '../objects/addresses.ts'
import {
  chooseAddress,
  type HostAddress,
  type HostLinks,
  movedAddress,
  parseDefaultDevs,
  parsePassing,
} from './host-address.ts'

/** This host's address; undefined while it has none. */
export function readOwnAddress(): HostAddress | undefined {
  return chooseAddress(readLinks())
}

const lookMs = 3_000

/** Aborts `stop` when the host is reached by another address than this, and tells so: whoever started the program starts it anew, with that one. */
export async function stopWhenMoved(
  known: HostAddress,
  stop: AbortController,
  tell: (addresses: { was: string; now: string }, message: string) => void,
): Promise<void> {
  const now = await whenMoved(known, stop.signal)
  if (now === undefined) return
  tell(
    { was: known.address, now: now.address },
    'the address of this host has changed: this program ends, to start anew',
  )
  stop.abort()
}

/** Resolves with the address by which the host is reached instead of this one, or with nothing when the signal aborts. */
async function whenMoved(known: HostAddress, signal: AbortSignal): Promise<HostAddress | undefined> {
  let seen: string | undefined
  while (!signal.aborted) {
    await pause(lookMs, signal)
    const now = lookAgain(known)
    // Seen twice: whoever sets a link up anew takes its address away for a moment.
    if (now !== undefined && now.address === seen) return now
    seen = now?.address
  }
  return undefined
}

/** That the kernel cannot be asked just now is no move. */
function lookAgain(known: HostAddress): HostAddress | undefined {
  try {
    return movedAddress(known, readLinks())
  } catch {
    return undefined
  }
}

function readLinks(): HostLinks {
  const passing = parsePassing(readProc('if_inet6')).map(canonicalAddress)
  const addresses = Object.entries(networkInterfaces()).flatMap(([dev, infos = []]) =>
    infos
      .filter(({ internal, address }) => !internal && ipaddr.parse(address).range() !== 'linkLocal')
      .map(({ address, cidr }) => ({ dev, address, prefix: Number(cidr?.split('/')[1]) })),
  )
  return {
    addresses: addresses.filter(({ address }) => !passing.includes(address)),
    defaultDevs: parseDefaultDevs(readProc('route'), readProc('ipv6_route')),
  }
}

/** Empty where the kernel has no such family. */
function readProc(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'utf8')
  } catch {
    return ''
  }
}
