// What our table holds, or shall hold, and the difference of the two. Texts are in the very form in which nft prints them,
// so that the kernel can be compared with the wish letter by letter.

export interface Content {
  /** Chain -> its rules; a chain that hangs on a hook begins with the line that says so. */
  chains: Map<string, string[]>
  /** Set, map or counter -> the word that makes it, then the lines of its declaration. */
  declared: Map<string, string[]>
  /** Set or map -> element -> its verdict in a map, "" in a set. */
  elements: Map<string, Map<string, string>>
}

/** A step from one content to another. */
export interface Edit {
  /** Chains to be written anew; undefined: to be removed. */
  chains: Map<string, string[] | undefined>
  declared: Map<string, string[] | undefined>
  /** Set or map -> what to take out and what to put in. A verdict that changes is taken out and put in. */
  elements: Map<string, { remove: string[]; add: [element: string, verdict: string][] }>
}

/** Nothing at all. */
export function emptyContent(): Content {
  return { chains: new Map(), declared: new Map(), elements: new Map() }
}

/** What must be done to what is there. */
export function planEdit(actual: Content, wanted: Content): Edit {
  const edit: Edit = {
    chains: changedLines(actual.chains, wanted.chains),
    declared: changedLines(actual.declared, wanted.declared),
    elements: new Map(),
  }
  for (const set of new Set([...actual.elements.keys(), ...wanted.elements.keys()])) {
    // The elements of a set go with it.
    if (edit.declared.has(set) && edit.declared.get(set) === undefined) continue
    const change = changedElements(actual.elements.get(set), wanted.elements.get(set))
    if (change.add.length + change.remove.length > 0) edit.elements.set(set, change)
  }
  return edit
}

export function isEmptyEdit({ chains, declared, elements }: Edit): boolean {
  return chains.size + declared.size + elements.size === 0
}

/** True when something stands in the way that no edit can change: the hook of a chain, the type of a set. */
export function needsNewTable(actual: Content, wanted: Content): boolean {
  const isHook = (line: string | undefined) => line?.startsWith('type ') === true
  for (const [name, [head]] of wanted.chains) {
    const there = actual.chains.get(name)
    if (there !== undefined && (isHook(head) || isHook(there[0])) && there[0] !== head) return true
  }
  for (const [name, lines] of wanted.declared) {
    const there = actual.declared.get(name)
    if (there !== undefined && !isSame(there, lines)) return true
  }
  return false
}

function changedLines(actual: Map<string, string[]>, wanted: Map<string, string[]>): Map<string, string[] | undefined> {
  const changed = new Map<string, string[] | undefined>()
  for (const [name, lines] of wanted) if (!isSame(actual.get(name), lines)) changed.set(name, lines)
  for (const name of actual.keys()) if (!wanted.has(name)) changed.set(name, undefined)
  return changed
}

function isSame(a: string[] | undefined, b: string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((line, index) => line === b[index])
}

function changedElements(actual: Map<string, string> = new Map(), wanted: Map<string, string> = new Map()) {
  return {
    remove: [...actual].filter(([element, verdict]) => wanted.get(element) !== verdict).map(([element]) => element),
    add: [...wanted].filter(([element, verdict]) => actual.get(element) !== verdict),
  }
}
