// The only door to ipset: all sets are read by `ipset save` and changed by one `ipset restore`, which stops at its first
// failing line.

import { type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

/** One set of the kernel. */
export interface IpSet {
  /** Type and options as `ipset save` prints them, such as "hash:ip,port family inet hashsize 1024 maxelem 65536". */
  definition: string
  /** Element -> what follows it (its comment, its mark), or "". */
  elements: Map<string, string>
}

/** Sets of the namespace by name. */
export async function readSets(where: Where = {}): Promise<Map<string, IpSet>> {
  return parseSets(await saveSets(where))
}

/** All sets with their elements, as `ipset save` prints them. */
export async function saveSets(where: Where = {}): Promise<string> {
  return await run('ipset', ['save'], where)
}

/** Runs lines such as `add NAME 10.0.0.1,tcp:80`; to add what is there and to delete what is not is no error. */
export async function restoreSets(lines: readonly string[], where: Where = {}): Promise<void> {
  if (lines.length > 0) await run('ipset', ['-exist', 'restore'], { ...where, input: `${lines.join('\n')}\n` })
}

/** Reads the text of `ipset save`. */
function parseSets(saved: string): Map<string, IpSet> {
  const sets = new Map<string, IpSet>()
  for (const line of saved.split('\n')) {
    const [verb, name, subject] = line.split(' ', 3)
    if (name === undefined || subject === undefined) continue
    const rest = line.slice(`${verb} ${name} ${subject}`.length).trim()
    if (verb === 'create') sets.set(name, { definition: `${subject} ${rest}`, elements: new Map() })
    if (verb === 'add') sets.get(name)?.elements.set(subject, rest)
  }
  return sets
}
