// Reads what iproute2 and bridge(8) tell of a namespace, as JSON. `ip.ts` changes; this file only looks.

import { type RunOptions, run } from './exec.ts'
import { hasIpv6 } from './ipv6.ts'

type Where = Pick<RunOptions, 'netns'>

/** Links with details, counters and addresses (`ip -d -s -json address show`). */
export async function showLinks(where: Where = {}): Promise<unknown[]> {
  return await readJson('ip', ['-d', '-s', '-json', 'address', 'show'], where)
}

/** Routes of all tables of one family. */
export async function showRoutes(family: '-4' | '-6', where: Where = {}): Promise<unknown[]> {
  return await readJson('ip', ['-d', family, '-json', 'route', 'show', 'table', 'all'], where)
}

/** Rules of policy routing of one family. */
export async function showRules(family: '-4' | '-6', where: Where = {}): Promise<unknown[]> {
  if (family === '-6' && !hasIpv6()) return []
  return await readJson('ip', [family, '-json', 'rule', 'show'], where)
}

/** Neighbours in every state, also permanent and failed ones. */
export async function showNeighbours(where: Where = {}): Promise<unknown[]> {
  return await readJson('ip', ['-json', 'neigh', 'show', 'nud', 'all'], where)
}

/** Forwarding tables of bridges and VXLAN devices. */
export async function showFdb(where: Where = {}): Promise<unknown[]> {
  return await readJson('bridge', ['-json', 'fdb', 'show'], where)
}

/** The device by which packets to the address leave. Throws a CommandError when there is no route. */
export async function findRouteDevice(address: string, where: Where = {}): Promise<string> {
  const [route] = (await readJson('ip', ['-json', 'route', 'get', address], where)) as { dev: string }[]
  return route?.dev ?? ''
}

async function readJson(program: string, args: string[], where: Where): Promise<unknown[]> {
  const parsed: unknown[] = JSON.parse((await run(program, args, where)).trim() || '[]')
  // iproute2 prints {} for each thing that a selection leaves out.
  return parsed.filter((item) => typeof item === 'object' && item !== null && Object.keys(item).length > 0)
}
