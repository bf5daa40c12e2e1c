// One difference between kernel and wish, and what mends it: the loop of the node network, `net verify` and `net verify
// --repair` all compare by the same functions, so that they cannot disagree.

import type { Difference } from '../../api/net/difference.ts'
import type { Family } from '../../api/objects/addresses.ts'
import { bridgeBatch } from '../../cni/linux/bridge.ts'
import { ipBatch } from '../../cni/linux/ip.ts'
import { restoreRules } from '../../cni/linux/iptables.ts'
import { writeSysctls } from '../../cni/linux/sysctl.ts'

/** What to run for some differences; of several in a list, the earlier first. */
export interface Repair {
  differences: Difference[]
  /** Lines of `ip -batch`. */
  ip?: string[]
  /** Lines of `bridge -batch`. */
  bridge?: string[]
  /** Text for iptables-restore. */
  rules?: { family: Family; text: string }
  /** Settings by their dotted names. */
  sysctls?: ReadonlyMap<string, string>
  /** For what is no program's input, such as a file. */
  act?: () => Promise<void>
}

/** Runs them all. One that fails keeps none of the others from being run; then throws what failed. */
export async function applyRepairs(repairs: readonly Repair[]): Promise<void> {
  const failures: unknown[] = []
  for (const group of groupByDoor(repairs)) {
    try {
      await applyGroup(group)
    } catch (error) {
      failures.push(...(group.length === 1 ? [error] : await applyEach(group)))
    }
  }
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '))
}

/** A batch stops at its first bad line and says nothing of the rest: the lines again, each on its own. All are written so that twice does no harm. */
async function applyEach(group: readonly Repair[]): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const repair of group) {
    try {
      await applyGroup([repair])
    } catch (error) {
      const names = repair.differences.map(({ owner, name }) => `${name} (${owner})`).join(', ')
      failures.push(new Error(`cannot set ${names}: ${error instanceof Error ? error.message : String(error)}`))
    }
  }
  return failures
}

async function applyGroup(group: readonly Repair[]): Promise<void> {
  await ipBatch(group.flatMap(({ ip = [] }) => ip))
  await bridgeBatch(group.flatMap(({ bridge = [] }) => bridge))
  for (const { rules, sysctls, act } of group) {
    if (rules !== undefined) await restoreRules(rules.text, { family: rules.family })
    if (sysctls !== undefined) await writeSysctls(sysctls)
    await act?.()
  }
}

/** Neighbours in the list that one start of the same program can do. */
function groupByDoor(repairs: readonly Repair[]): Repair[][] {
  const groups: { door: string; repairs: Repair[] }[] = []
  for (const repair of repairs) {
    const door = repair.ip ? 'ip' : repair.bridge ? 'bridge' : ''
    const last = groups.at(-1)
    if (last !== undefined && last.door === door && door !== '') last.repairs.push(repair)
    else groups.push({ door, repairs: [repair] })
  }
  return groups.map((group) => group.repairs)
}
