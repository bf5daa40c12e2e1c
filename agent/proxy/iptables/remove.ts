// Removes everything that the iptables backend ever writes, and nothing else.

import { parseTable, restoreRules, saveTable } from '../../../cni/linux/iptables.ts'
import { isServiceChain } from './names.ts'
import { jumps, planBase, sharedChains, type TableName } from './rules.ts'
import { RestoreScript } from './script.ts'

const tables: readonly TableName[] = ['nat', 'filter']

/** Chains that no other mode has. The names of the rest are theirs as well, and stay while one of them runs. */
const marks = ['KUBE-NODEPORTS', 'KUBE-EXTERNAL-SERVICES']

/** Takes the jumps out of the kernel's chains, then every chain of ours. Does nothing when this mode was not the last one. */
export async function removeProxyRules(options: { netns?: string } = {}): Promise<void> {
  const saved = new Map<TableName, Map<string, string[]>>()
  for (const table of tables) saved.set(table, parseTable(await saveTable(table, options)))
  if (![...saved.values()].some((chains) => marks.some((mark) => chains.has(mark)))) return
  const script = new RestoreScript()
  for (const [table, actual] of saved) {
    const ours = new Set([...planBase()[table].keys(), ...Object.keys(sharedChains[table])])
    for (const [chain, rule] of jumps[table])
      if (actual.get(chain)?.includes(rule) === true) script.delete(table, chain, rule)
    for (const chain of actual.keys()) if (ours.has(chain) || isServiceChain(chain)) script.remove(table, chain)
  }
  if (!script.isEmpty) await restoreRules(script.toString(), options)
}
