// What IPVS mode needs whatever the Services are: settings of the kernel, the device, empty sets and the fixed rules.

import type { Difference } from '../../../api/net/difference.ts'
import type { Family } from '../../../api/objects/addresses.ts'
import { ipBatch } from '../../../cni/linux/ip.ts'
import { restoreSets } from '../../../cni/linux/ipset.ts'
import { parseTable, restoreRules, saveTables } from '../../../cni/linux/iptables.ts'
import { readSysctls, writeSysctls } from '../../../cni/linux/sysctl.ts'
import { RestoreScript } from '../iptables/script.ts'
import { planBaseRules, planJumps, type TableName } from './base-rules.ts'
import { deviceName, type Kernel } from './kernel.ts'
import { createLines, setNames } from './sets.ts'

type Where = { netns?: string }

/** One range of pods' addresses for each family that is served. */
export type Families = ReadonlyMap<Family, string>

export const tables: readonly TableName[] = ['mangle', 'nat', 'filter']

/** Documented in the kernel's Documentation/networking/ipvs-sysctl.rst and ip-sysctl.rst. */
const settings = new Map([
  // Without it, packets of IPVS have no entry that POSTROUTING could masquerade by.
  ['net.ipv4.vs.conntrack', '1'],
  // A client that meets a server that is gone is sent to another one, instead of into the void until its entry times out.
  ['net.ipv4.vs.expire_nodest_conn', '1'],
  ['net.ipv4.vs.expire_quiescent_template', '1'],
  // A source port that is used again is spread anew, or the last clients of a server that goes would keep it forever.
  ['net.ipv4.vs.conn_reuse_mode', '1'],
  // Addresses of kube-ipvs0 are local on every node: only who really holds one on a link may answer ARP for it there.
  ['net.ipv4.conf.all.arp_ignore', '1'],
  ['net.ipv4.conf.all.arp_announce', '2'],
])

/** Writes what is missing or different. */
export async function ensureBase(kernel: Kernel, families: Families, where: Where): Promise<void> {
  await writeSysctls(await differentSettings(where), where)
  if (!kernel.hasDevice) await ipBatch([`link add ${deviceName} type dummy`], where)
  const missing = [...families.keys()]
    .flatMap(createLines)
    .filter((line) =>
      setNames([...families.keys()]).some((name) => line.startsWith(`create ${name} `) && !kernel.sets.has(name)),
    )
  await restoreSets(missing, where)
  // One after the other: iptables-restore fails when a transaction of the other family comes in between.
  for (const [family, cidr] of families) await ensureRules(family, cidr, where)
}

/** What ensureBase would write. */
export async function verifyBase(kernel: Kernel, families: Families, where: Where): Promise<Difference[]> {
  const owner = 'Services'
  const differences: Difference[] = [...(await differentSettings(where))].map(([name, wanted]) => ({
    kind: 'sysctl',
    name,
    state: 'different',
    owner,
    detail: `must be ${wanted}`,
  }))
  if (!kernel.hasDevice) differences.push({ kind: 'link', name: deviceName, state: 'missing', owner })
  for (const name of setNames([...families.keys()]))
    if (!kernel.sets.has(name)) differences.push({ kind: 'element', name: `set ${name}`, state: 'missing', owner })
  const ofRules = await Promise.all([...families].map(([family, cidr]) => verifyRules(family, cidr, where)))
  return [...differences, ...ofRules.flat()]
}

async function differentSettings(where: Where): Promise<Map<string, string>> {
  const actual = await readSysctls([...settings.keys()], where)
  return new Map([...settings].filter(([name, wanted]) => actual.get(name) !== wanted))
}

async function ensureRules(family: Family, clusterCidr: string, where: Where): Promise<void> {
  const script = new RestoreScript()
  const [rules, jumps] = [planBaseRules(family, clusterCidr), planJumps(clusterCidr)]
  const saved = await saveTables({ ...where, family })
  for (const table of tables) {
    const actual = parseTable(saved.get(table) ?? '')
    for (const [chain, wanted] of rules[table])
      if (actual.get(chain)?.join('\n') !== wanted.join('\n')) script.write(table, chain, [...wanted])
    // Each is put first, so the last comes first.
    for (const [chain, rule] of jumps[table].toReversed())
      if (actual.get(chain)?.includes(rule) !== true) script.insert(table, chain, rule)
  }
  if (!script.isEmpty) for (const text of script.texts()) await restoreRules(text, { ...where, family })
}

async function verifyRules(family: Family, clusterCidr: string, where: Where): Promise<Difference[]> {
  const differences: Difference[] = []
  const [rules, jumps] = [planBaseRules(family, clusterCidr), planJumps(clusterCidr)]
  const saved = await saveTables({ ...where, family })
  for (const table of tables) {
    const actual = parseTable(saved.get(table) ?? '')
    const report = (kind: 'chain' | 'rule', name: string, state: Difference['state']) =>
      differences.push({ kind, name: `${family} ${table} ${name}`, state, owner: 'Services' })
    for (const [chain, wanted] of rules[table])
      if (actual.get(chain)?.join('\n') !== wanted.join('\n'))
        report('chain', chain, actual.has(chain) ? 'different' : 'missing')
    for (const [chain, rule] of jumps[table])
      if (actual.get(chain)?.includes(rule) !== true) report('rule', `${chain} ${rule}`, 'missing')
  }
  return differences
}
