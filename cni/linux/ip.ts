// The only door to iproute2: batches that change, JSON that reads. A batch stops at its first failing line.

import { CommandError, type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

export interface Link {
  ifname: string
  address?: string
  mtu: number
  operstate?: string
  flags?: string[]
  /** Name of the bridge it is a port of. */
  master?: string
  addr_info?: { family: string; local: string; prefixlen: number; scope?: string }[]
  /** Only with ['-details'] asked for; what it is, and how it is set as a port of a bridge. */
  linkinfo?: {
    info_kind?: string
    info_data?: Record<string, unknown>
    info_slave_data?: { hairpin?: boolean }
  }
}

export interface Route {
  dst: string
  gateway?: string
  dev?: string
  protocol?: string
}

export interface Neighbour {
  dst: string
  dev?: string
  lladdr?: string
  state?: string[]
}

/** Runs lines of `ip -batch`, each as after "ip ". Throws a CommandError that has the kernel's words. */
export async function ipBatch(lines: readonly string[], where: Where = {}): Promise<void> {
  if (lines.length > 0) await run('ip', ['-batch', '-'], { ...where, input: `${lines.join('\n')}\n` })
}

/** Links with their addresses; narrowed by words such as ['master', 'cbr0'] or ['dev', 'eth0']. */
export async function listLinks(where: Where = {}, selection: readonly string[] = []): Promise<Link[]> {
  return await readJson(['-details', '-json', 'addr', 'show', ...selection], where)
}

/** IPv4 routes of the main table; narrowed by words such as ['proto', '96']. */
export async function listRoutes(where: Where = {}, selection: readonly string[] = []): Promise<Route[]> {
  return await readJson(['-json', 'route', 'show', ...selection], where)
}

/** The same of IPv6. */
export async function listRoutes6(where: Where = {}, selection: readonly string[] = []): Promise<Route[]> {
  return await readJson(['-6', '-json', 'route', 'show', ...selection], where)
}

/** Neighbours of a link that were written rather than learned. */
export async function listPermanentNeighbours(dev: string, where: Where = {}): Promise<Neighbour[]> {
  return await readJson(['-json', 'neigh', 'show', 'nud', 'permanent', 'dev', dev], where)
}

/** Whether a command failed because the link it names is not there. */
export function isNoSuchLink(error: unknown): boolean {
  return error instanceof CommandError && /Cannot find device|does not exist/.test(error.stderr)
}

async function readJson<T>(args: readonly string[], where: Where): Promise<T[]> {
  try {
    const parsed: (T | Record<string, never>)[] = JSON.parse((await run('ip', args, where)) || '[]')
    // iproute2 prints {} for each link that a selection leaves out.
    return parsed.filter((item): item is T => Object.keys(item as object).length > 0)
  } catch (error) {
    if (isNoSuchLink(error)) return []
    throw error
  }
}
