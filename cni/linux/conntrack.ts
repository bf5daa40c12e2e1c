// The only door to the connection tracking table: entries that match are deleted, so that the next packet is judged anew.

import { CommandError, type RunOptions, run } from './exec.ts'

/** Deletes the entries that these conntrack(8) arguments select; that there are none is no error. */
export async function deleteConnections(
  selection: readonly string[],
  options: Pick<RunOptions, 'netns'> = {},
): Promise<void> {
  try {
    await run('conntrack', ['-D', ...selection], options)
  } catch (error) {
    // conntrack 1.4 ends with 1 when nothing matched.
    if (!(error instanceof CommandError && error.stderr.includes('0 flow entries'))) throw error
  }
}

/** Deletes what each of these selections matches, written as for conntrack(8): one program start for all of them. */
export async function deleteAllConnections(
  selections: readonly string[],
  options: Pick<RunOptions, 'netns'> = {},
): Promise<void> {
  const input = selections.map((selection) => `-D ${selection}\n`).join('')
  try {
    await run('conntrack', ['-R', '-'], { ...options, input })
  } catch (error) {
    // conntrack before 1.4.7 has no -R.
    if (!(error instanceof CommandError)) throw error
    for (const selection of selections) await deleteConnections(selection.split(' '), options)
  }
}

/** Entries that these arguments select, as `conntrack -L` prints them, a line each. */
export async function listAllConnections(
  selection: readonly string[],
  options: Pick<RunOptions, 'netns'> = {},
): Promise<string[]> {
  return (await run('conntrack', ['-L', ...selection], options)).split('\n')
}

/** Longest list that is read out: a picture is looked at by people. */
const listLimit = 2_000

/** Entries that have one of these addresses on either side, as `conntrack -L` prints them. */
export async function listConnections(
  addresses: readonly string[],
  options: Pick<RunOptions, 'netns'> = {},
): Promise<string[]> {
  if (addresses.length === 0) return []
  const families = new Set(addresses.map((address) => (address.includes(':') ? 'ipv6' : 'ipv4')))
  const lists = await Promise.all([...families].map((family) => run('conntrack', ['-L', '-f', family], options)))
  const wanted = addresses.flatMap((address) => [`src=${address} `, `dst=${address} `])
  return lists
    .flatMap((text) => text.split('\n'))
    .filter((line) => wanted.some((word) => line.includes(word)))
    .slice(0, listLimit)
}
