// The only door to bridge(8): forwarding entries of VXLAN devices.

import { type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

export interface FdbEntry {
  mac: string
  /** The node that frames for this address are sent to. */
  dst?: string
}

/** Runs lines of `bridge -batch`, each as after "bridge ". Throws a CommandError at the first that fails. */
export async function bridgeBatch(lines: readonly string[], where: Where = {}): Promise<void> {
  if (lines.length > 0) await run('bridge', ['-batch', '-'], { ...where, input: `${lines.join('\n')}\n` })
}

/** The forwarding entries of a VXLAN device that there is. */
export async function listFdb(dev: string, where: Where = {}): Promise<FdbEntry[]> {
  const text = await run('bridge', ['-json', 'fdb', 'show', 'dev', dev], where)
  const entries: FdbEntry[] = JSON.parse(text.trim() || '[]')
  return entries.filter(({ dst }) => dst !== undefined)
}
