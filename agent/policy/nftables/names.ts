// Names and comments in our table. They say in plain words what a thing is, as far as the kernel lets them: names have at
// most 127 bytes, comments as well (NFT_NAME_MAXLEN, NFTNL_UDATA_COMMENT_MAXLEN). Longer ones end in a hash of the whole.

import { createHash } from 'node:crypto'
import type { Family } from '../../../api/objects/addresses.ts'
import type { Direction, Protocol } from '../policy.ts'

/** The table that holds everything of ours. */
export const tableName = 'inet fairlead-policy'

const limit = 127

/** Rules of one policy for one direction: allow or go back. */
export const policyChain = (key: string, direction: Direction) => shorten(`policy/${key}/${direction}`)

/** Judges what a pod sends or gets: its policies one after the other, then the drop. */
export const podChain = (key: string, direction: Direction) => shorten(`pod/${key}/${direction}`)

/** Counts what was dropped under a policy. */
export const dropCounter = (key: string, direction: Direction) => shorten(`drop/${key}/${direction}`)

/** Addresses of the pods of a group. */
export const groupSet = (id: string, family: Family) => `peers-${digits[family]}-${hashOf(id)}`

/** Address and number of each port that has this name. */
export const namedPortSet = (name: string, protocol: Protocol, family: Family) =>
  `named-${digits[family]}-${protocol}-${name}`

/** A set whose content never changes, named after it. */
export const fixedSet = (kind: string, elements: readonly string[]) => `${kind}-${hashOf(elements.join())}`

/** Which chain judges what the pod of an address sends or gets. */
export const podMap = (direction: Direction, family: Family) => `${direction}-${digits[family]}`

/** Addresses of pods of this node that some policy isolates. */
export const isolatedSet = (family: Family) => `isolated-${digits[family]}`

/** Families of which some pod of this node is isolated. */
export const isolatedFamilies = 'isolated-families'

/** The digit that stands for the family in names. */
const digits: Record<Family, string> = { ipv4: '4', ipv6: '6' }

/** A comment of a rule, set or counter, quoted. */
export const comment = (text: string) => `comment "${shorten(text)}"`

/** The text, or as much of it as fits, two dots, which no name in Kubernetes has, and a hash of all of it. */
export function shorten(text: string): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 2 - hashDigits)}..${hashOf(text)}`
}

/** So many that nobody finds another text of the same hash: who may write policies could join the set of another namespace by it. */
const hashDigits = 32

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, hashDigits)
}
