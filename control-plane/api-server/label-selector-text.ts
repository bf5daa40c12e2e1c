import type { LabelSelector } from '../../api/generated/types.ts'
import { toSelector } from '../../api/objects/selectors.ts'

/** The query string form of a selector; empty for none. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  return selector === undefined ? '' : toSelector(selector).toString()
}
