// Removes everything that the iptables backend ever writes, and nothing else.

import { parseTable, restoreRules, saveTable } from '../../../cni/linux/iptables.ts'
import { isServiceChain } from './names.ts'
import { jumps, planBase, sharedChains, type TableName } from './rules.ts'
import { RestoreScript } from './script.ts'

/** Takes the jumps out of the kernel's chains, then every chain of ours. Does nothing when there is nothing. */
export async function removeProxyRules(options: { netns?: string } = {}): Promise<void> {
  const script = new RestoreScript()
  for (const table of ['nat', 'filter'] satisfies TableName[]) {
    const actual = parseTable(await saveTable(table, options))
    const ours = new Set([...planBase()[table].keys(), ...Object.keys(sharedChains[table])])
    for (const [chain, rule] of jumps[table])
      if (actual.get(chain)?.includes(rule) === true) script.delete(table, chain, rule)
    for (const chain of actual.keys()) if (ours.has(chain) || isServiceChain(chain)) script.remove(table, chain)
  }
  if (!script.isEmpty) await restoreRules(script.toString(), options)
}
