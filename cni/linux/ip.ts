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
  addr_info?: { family: string; local: string; prefixlen: number }[]
}

export interface Route {
  dst: string
  gateway?: string
  dev?: string
  protocol?: string
}

/** Runs lines of `ip -batch`, each as after "ip ". Throws a CommandError that has the kernel's words. */
export async function ipBatch(lines: readonly string[], where: Where = {}): Promise<void> {
  if (lines.length > 0) await run('ip', ['-batch', '-'], { ...where, input: `${lines.join('\n')}\n` })
}

/** Links with their addresses; narrowed by words such as ['master', 'cbr0'] or ['dev', 'eth0']. */
export async function listLinks(where: Where = {}, selection: readonly string[] = []): Promise<Link[]> {
  return await readJson(['-json', 'addr', 'show', ...selection], where)
}

/** Routes of the main table; narrowed by words such as ['proto', '96']. */
export async function listRoutes(where: Where = {}, selection: readonly string[] = []): Promise<Route[]> {
  return await readJson(['-json', 'route', 'show', ...selection], where)
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
