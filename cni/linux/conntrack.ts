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
