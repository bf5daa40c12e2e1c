// The order of a merged list: what the patch names stands in the patch's order, the rest in the server's, and both are
// interleaved so that nothing of the server's own moves without need.

import { isJsonObject } from './json.ts'

/** The key value of a list item, or the item itself in a list of plain values. */
export function keyOf(item: unknown, key: string | undefined): unknown {
  return key !== undefined && isJsonObject(item) ? item[key] : item
}

/** True if both stand for the same element. */
export function sameElement(a: unknown, b: unknown, key: string | undefined): boolean {
  return keyOf(a, key) === keyOf(b, key)
}

/** Orders the merged list. A new element of the patch comes before those of the server that are left. */
export function orderElements(
  merged: unknown[],
  patchOrder: unknown[],
  serverOrder: unknown[],
  key: string | undefined,
): unknown[] {
  const inPatch = ranks(patchOrder, key)
  const inServer = ranks(serverOrder, key)
  const rankIn = (rank: ReadonlyMap<unknown, number>, item: unknown) =>
    rank.get(keyOf(item, key)) ?? Number.POSITIVE_INFINITY
  const isNamed = (item: unknown) => inPatch.has(keyOf(item, key))
  const named = merged.filter(isNamed).sort((a, b) => rankIn(inPatch, a) - rankIn(inPatch, b))
  const rest = merged.filter((item) => !isNamed(item)).sort((a, b) => rankIn(inServer, a) - rankIn(inServer, b))
  return interleave(
    rest,
    named,
    (left, right) => rankIn(inServer, left) < rankIn(inServer, right) && inServer.has(keyOf(right, key)),
  )
}

function ranks(order: unknown[], key: string | undefined): Map<unknown, number> {
  return new Map(order.map((item, index) => [keyOf(item, key), index]))
}

function interleave(
  rest: unknown[],
  named: unknown[],
  comesFirst: (left: unknown, right: unknown) => boolean,
): unknown[] {
  const all: unknown[] = []
  let taken = 0
  for (const right of named) {
    while (taken < rest.length && comesFirst(rest[taken], right)) all.push(rest[taken++])
    all.push(right)
  }
  return [...all, ...rest.slice(taken)]
}
