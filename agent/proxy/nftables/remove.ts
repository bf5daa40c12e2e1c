// Removes everything that the nftables backend ever writes, and nothing else.

import { hasTable, runNft } from '../../../cni/linux/nft.ts'
import { tableName } from './words.ts'

/** Deletes the tables of both families. Does nothing when there is none. */
export async function removeNftablesRules(options: { netns?: string } = {}): Promise<void> {
  for (const table of [tableName('ipv4'), tableName('ipv6')])
    if (await hasTable(table, options)) await runNft(`delete table ${table}\n`, options)
}
