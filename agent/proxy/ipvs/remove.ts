// Removes everything that the IPVS backend ever writes, and nothing else. Settings of the kernel stay: others may rely on
// them by now.

import type { Family } from '../../../api/objects/addresses.ts'
import { ipBatch, listLinks } from '../../../cni/linux/ip.ts'
import { readSets, restoreSets } from '../../../cni/linux/ipset.ts'
import { parseTable, restoreRules, saveTables } from '../../../cni/linux/iptables.ts'
import { kernelFamilies } from '../../../cni/linux/ipv6.ts'
import { restoreVirtualServers } from '../../../cni/linux/ipvs.ts'
import { RestoreScript } from '../iptables/script.ts'
import { tables } from './base.ts'
import { planBaseRules } from './base-rules.ts'
import { deviceName, readKernel } from './kernel.ts'
import { setNames } from './sets.ts'

type Where = { netns?: string }

/**
 * Does nothing, and reads little, when IPVS mode was not the last one here: its device and its sets say so. Its chains have
 * names that other modes have too, so they alone say nothing.
 */
export async function removeIpvsRules(options: Where = {}): Promise<void> {
  const where: Where = options.netns === undefined ? {} : { netns: options.netns }
  const hasDevice = (await listLinks(where, ['dev', deviceName])).length > 0
  const sets = setNames(['ipv4', 'ipv6'])
  if (!hasDevice && !(await hasSets(sets, where))) return
  const { servers } = await readKernel(where)
  await restoreVirtualServers(
    [...servers.keys()].map((server) => `-D ${server}`),
    where,
  )
  if (hasDevice) await ipBatch([`link del ${deviceName}`], where)
  for (const family of kernelFamilies()) await removeRules(family, where)
  const left = await readSets(where)
  await restoreSets(
    sets.filter((name) => left.has(name)).map((name) => `destroy ${name}`),
    where,
  )
}

/** Whether some of them are there. */
async function hasSets(names: readonly string[], where: Where): Promise<boolean> {
  const sets = await readSets(where).catch(() => new Map<string, unknown>()) // no program: it has made none
  return names.some((name) => sets.has(name))
}

async function removeRules(family: Family, where: Where): Promise<void> {
  const script = new RestoreScript()
  const rules = planBaseRules(family, '0.0.0.0/0')
  const saved = await saveTables({ ...where, family })
  for (const table of tables) {
    const actual = parseTable(saved.get(table) ?? '')
    const ours = rules[table]
    // Jumps by where they lead to: the ranges in them may have been others.
    for (const [chain, lines] of actual)
      for (const line of lines)
        if (!ours.has(chain) && ours.has(/-j (\S+)$/.exec(line)?.[1] ?? '')) script.delete(table, chain, line)
    for (const chain of ours.keys()) if (actual.has(chain)) script.remove(table, chain)
  }
  if (!script.isEmpty) for (const text of script.texts()) await restoreRules(text, { ...where, family })
}
