// Numbers of endpoints within a Service. They stay as they are through changes, so that a change costs as many elements as
// endpoints came and went, however many there are. Pure.

/**
 * Gives each wanted endpoint a number from 0 on, without gaps: its index in the result. Who had a number keeps it, except
 * that the last ones fill the gaps of those that went.
 */
export function assignSlots(previous: readonly (string | undefined)[], wanted: readonly string[]): string[] {
  const left = new Set(wanted)
  const slots = wanted.map((_, index): string | undefined => {
    const endpoint = previous[index]
    return endpoint !== undefined && left.delete(endpoint) ? endpoint : undefined
  })
  const fillers = left.values()
  return slots.map((endpoint) => endpoint ?? fillers.next().value ?? '')
}

/** Ids of endpoints that depend on nothing but the endpoints themselves: clients are remembered by them. */
export function assignIds(endpoints: readonly string[]): Map<string, number> {
  const ids = new Map<string, number>()
  const taken = new Set<number>()
  for (const endpoint of endpoints.toSorted()) {
    let id = hashOf(endpoint)
    while (taken.has(id)) id = toId(id + 1)
    taken.add(id)
    ids.set(endpoint, id)
  }
  return ids
}

/** FNV-1a (draft-eastlake-fnv). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return toId(hash >>> 0)
}

/** Both halves other than 0: nft prints such numbers in one form only. The highest bit keeps them apart from priorities in use. */
function toId(value: number): number {
  return (value | 0x8000_0000 | ((value & 0xffff) === 0 ? 1 : 0)) >>> 0
}

/** An id as nft writes a packet's priority. */
export function formatId(id: number): string {
  return `${(id >>> 16).toString(16)}:${(id & 0xffff).toString(16)}`
}

/** An index of `assignSlots` in the same form. The kernel counts from one: nft has another word for 0. */
export function formatSlot(slot: number): string {
  return formatId(slot + 1)
}

/** The reverse. */
export function parseSlot(text: string): number {
  const [high = '', low = ''] = text.split(':')
  return Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16) - 1
}
