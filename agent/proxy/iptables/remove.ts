// Removes everything that the iptables backend ever writes, and nothing else.

import type { Family } from '../../../api/objects/addresses.ts'
import { parseTable, restoreRules, saveTable } from '../../../cni/linux/iptables.ts'
import { kernelFamilies } from '../../../cni/linux/ipv6.ts'
import { ifNoProgram } from '../../../cni/linux/missing-program.ts'
import { baseChainNames, jumps, type TableName, tables } from './base.ts'
import { isServiceChain } from './names.ts'
import { RestoreScript } from './script.ts'

/** Chains that no other mode has. The names of the rest are theirs as well, and stay while one of them runs. */
const marks = ['KUBE-NODEPORTS', 'KUBE-EXTERNAL-SERVICES']

/** Takes the jumps out of the kernel's chains, then every chain of ours. Does nothing when this mode was not the last one. */
export async function removeProxyRules(options: { netns?: string } = {}): Promise<void> {
  await Promise.all(kernelFamilies().map((family) => removeFamily(family, options).catch(ifNoProgram(undefined))))
}

async function removeFamily(family: Family, { netns }: { netns?: string }): Promise<void> {
  const where = { family, ...(netns !== undefined && { netns }) }
  const saved = new Map<TableName, Map<string, string[]>>()
  for (const table of tables) saved.set(table, parseTable(await saveTable(table, where)))
  if (![...saved.values()].some((chains) => marks.some((mark) => chains.has(mark)))) return
  const script = new RestoreScript()
  for (const [table, actual] of saved) {
    const ours = baseChainNames(table)
    for (const [chain, rule] of jumps[table])
      if (actual.get(chain)?.includes(rule) === true) script.delete(table, chain, rule)
    for (const chain of actual.keys()) if (ours.has(chain) || isServiceChain(chain)) script.remove(table, chain)
  }
  if (!script.isEmpty) for (const text of script.texts()) await restoreRules(text, where)
}
