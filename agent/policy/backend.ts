// What keeps policies in the kernel, whatever it held before.

import type { Difference } from '../../api/net/difference.ts'
import type { TableChanges } from './table.ts'

/** Calls never overlap. After a call that threw, the next one mends what it left. */
export interface PolicyBackend {
  /** Writes what these changes need, and no more, at once or not at all. The first call writes the difference to what an earlier life left. */
  apply(changes: TableChanges): Promise<void>
  /** Compares the kernel with what is wanted and mends it; writes nothing when they agree. */
  resync(): Promise<void>
  /** What the kernel holds otherwise than wanted. Changes nothing. */
  verify(): Promise<Difference[]>
}
