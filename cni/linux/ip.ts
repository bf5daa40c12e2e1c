// The only door to iproute2: batches that change, JSON that reads. A batch stops at its first failing line.

import { CommandError, type RunOptions, run } from './exec.ts'
import { Gatherer } from './gather.ts'

type Where = Pick<RunOptions, 'netns'>

export interface Link {
  ifname: string
  address?: string
  mtu: number
  operstate?: string
  flags?: string[]
  /** Name of the bridge it is a port of. */
  master?: string
  addr_info?: { family: string; local: string; prefixlen: number; scope?: string; deprecated?: boolean }[]
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

const together = new Gatherer<readonly string[]>(runTogether)

/** The same on this node, together with what others ask for meanwhile; each has its own errors, but its later lines are tried too. */
export async function ipGathered(lines: readonly string[]): Promise<void> {
  await together.submit(lines)
}

async function runTogether(items: readonly (readonly string[])[]): Promise<unknown[]> {
  const [only] = items
  if (only === undefined || items.length === 1) {
    await ipBatch(only ?? [])
    return [undefined]
  }
  try {
    await run('ip', ['-force', '-batch', '-'], { input: `${items.flat().join('\n')}\n` })
    return items.map(() => undefined)
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode === undefined) throw error
    return errorsByItem(items, error)
  }
}

/** Each failed line's words are followed by "Command failed -:3", the number of the line. */
function errorsByItem(items: readonly (readonly string[])[], { stderr }: CommandError): unknown[] {
  const words = new Map<number, string>()
  let said: string[] = []
  for (const line of stderr.split('\n')) {
    const number = /^Command failed -:(\d+)$/.exec(line)?.[1]
    if (number === undefined) said.push(line)
    else {
      words.set(Number(number), said.join('\n'))
      said = []
    }
  }
  let first = 1
  return items.map((lines) => {
    const failed = lines.findIndex((_, index) => words.has(first + index))
    const error =
      failed < 0 ? undefined : new CommandError(`ip ${lines[failed]}`, 1, words.get(first + failed) ?? '', stderr)
    first += lines.length
    return error
  })
}

const deletions = new Gatherer<string>(deleteTogether)

/** Deletes a link of this node; that there is none is no error. Several at once wait for the kernel's grace period once. */
export async function deleteLink(name: string): Promise<void> {
  await deletions.submit(name)
}

async function deleteTogether(names: readonly string[]): Promise<unknown[]> {
  const [only] = names
  if (names.length === 1) {
    const failure = await ipBatch([`link delete ${only}`]).catch((error: unknown) => error)
    return [isNoSuchLink(failure) ? undefined : failure]
  }
  // A group goes at once. Its number is one that nobody else will have thought of.
  const group = Math.floor(2 ** 30 * (1 + Math.random()))
  const sets = names.map((name) => [`link set ${name} group ${group}`])
  const errors = await runTogether([...sets, [`link delete group ${group}`]])
  const ofGroup = errors.at(-1)
  return names.map((_, index) => {
    const error = errors[index] ?? ofGroup
    return isNoSuchLink(errors[index]) ? undefined : error
  })
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
