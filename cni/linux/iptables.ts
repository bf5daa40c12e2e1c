// The only door to iptables: whole tables are read with iptables-save and changed with iptables-restore --noflush, which
// applies a text at once or not at all. -w waits for the lock that other users of iptables (Docker, the user) take.

import { type RunOptions, run } from './exec.ts'

/** The rules of one table, as iptables-save prints them. */
export async function saveTable(table: string, options: Pick<RunOptions, 'netns'> = {}): Promise<string> {
  return await run('iptables-save', ['-t', table], options)
}

/** Applies a text in the format of iptables-save; chains that it does not name stay as they are. */
export async function restoreRules(text: string, options: Pick<RunOptions, 'netns'> = {}): Promise<void> {
  await run('iptables-restore', ['--noflush', '-w', '5'], { ...options, input: text })
}

/** Chains and their rules (as after "-A CHAIN ") in one table's text of iptables-save. */
export function parseTable(saved: string): Map<string, string[]> {
  const chains = new Map<string, string[]>()
  for (const line of saved.split('\n')) {
    if (line.startsWith(':')) chains.set(line.slice(1, line.indexOf(' ')), [])
    const match = /^-A (\S+) (.*)$/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) chains.get(match[1])?.push(match[2])
  }
  return chains
}
