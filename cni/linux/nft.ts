// The only door to nftables: `nft -f -` applies a whole text at once or not at all, and a table is read in one call, as
// text in nft's own form or as JSON. Numbers are never resolved to names of services or hosts by nft 1.0.

import { CommandError, isMissingProgram, type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

/** Applies a text as one transaction. Throws a CommandError with nft's words and the line it means. */
export async function runNft(text: string, where: Where = {}): Promise<void> {
  await run('nft', ['-f', '-'], { ...where, input: text })
}

/** Whether there is such a table. Without nft on this host there is none. */
export async function hasTable(table: string, where: Where = {}): Promise<boolean> {
  try {
    return (await run('nft', ['list', 'tables'], where)).split('\n').includes(`table ${table}`)
  } catch (error) {
    if (isMissingProgram(error)) return false
    throw error
  }
}

/** A table such as "inet fairlead-policy" in nft's own form, without the state of counters; undefined when there is none. */
export async function readTable(table: string, where: Where = {}): Promise<string | undefined> {
  return await unlessMissing(run('nft', ['-s', 'list', 'table', ...table.split(' ')], where))
}

/** The same as JSON with counters: the objects below "nftables" (man libnftables-json); empty when there is no such table. */
export async function listTable(table: string, where: Where = {}): Promise<unknown[]> {
  const text = await unlessMissing(run('nft', ['-j', 'list', 'table', ...table.split(' ')], where))
  return text === undefined ? [] : JSON.parse(text).nftables
}

/** Names of all tables: "inet fairlead-policy". */
export async function listTables(where: Where = {}): Promise<string[]> {
  const text = await run('nft', ['list', 'tables'], where)
  return text.split('\n').flatMap((line) => (line.startsWith('table ') ? [line.slice('table '.length)] : []))
}

/** Everything that nftables holds, with counters, as the objects below "nftables". */
export async function listRuleset(where: Where = {}): Promise<unknown[]> {
  return JSON.parse(await run('nft', ['-j', 'list', 'ruleset'], where)).nftables
}

async function unlessMissing(reading: Promise<string>): Promise<string | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof CommandError && error.stderr.includes('No such file or directory')) return undefined
    throw error
  }
}
