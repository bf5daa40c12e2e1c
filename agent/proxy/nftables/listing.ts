// Reads what `nft -s list table` prints of a table: its elements, and the rules of its chains. Pure.

/** One element as the kernel holds it. */
interface ListedElement {
  value?: string
  comment?: string
}

/** A table in the kernel. */
export interface Listing {
  comment?: string
  sets: Map<string, Map<string, ListedElement>>
  /** Rules by chain; of a base chain the first line says where it hooks in. */
  chains: Map<string, string[]>
}

/** The table in nft's own form. Elements of maps that packets fill themselves have no comment, and are left out. */
export function parseListing(text: string): Listing {
  const listing: Listing = { sets: new Map(), chains: new Map() }
  let position = 0
  const blocks = /^\t(?:(comment) "([^"]*)"|(set|map|chain) (\S+) \{)$/gm
  for (let match = blocks.exec(text); match !== null; match = blocks.exec(text)) {
    const [, comment, words, kind, name = ''] = match
    if (comment !== undefined && words !== undefined) listing.comment = words
    if (kind === undefined) continue
    position = blocks.lastIndex
    const end = text.indexOf('\n\t}', position)
    const body = text.slice(position, end)
    blocks.lastIndex = end
    if (kind === 'chain') listing.chains.set(name, parseRules(body))
    else listing.sets.set(name, /^\t\tflags .*dynamic/m.test(body) ? new Map() : parseElements(body))
  }
  return listing
}

function parseRules(body: string): string[] {
  return body
    .split('\n')
    .map((line) => normalizeRule(line.trim()))
    .filter((line) => line !== '')
}

/** A rule in one form, for the differences between versions of nft. Where chains hook in cannot change while they exist. */
export function normalizeRule(rule: string): string {
  return rule
    .replace(/^(type \S+ hook \S+) .*$/, '$1')
    .replace(/\bdnat ip6? to\b/, 'dnat to')
    .replace(/\breject with icmp(v6|x)? port-unreachable$/, 'reject')
    .replace(/0x0+(?=[0-9a-f])/g, '0x')
    .replaceAll(' or ', ' | ')
    .replaceAll(' and ', ' & ')
    .replaceAll(' xor ', ' ^ ')
}

const start = 'elements = { '

function parseElements(body: string): Map<string, ListedElement> {
  const elements = new Map<string, ListedElement>()
  const from = body.indexOf(start)
  if (from === -1) return elements
  // key, then maybe a comment, then maybe what it leads to.
  const element = /([^",{}]+?)(?: comment "([^"]*)")?(?: : ([^",}]+?))?(?:,\s*|\s*\}|$)/y
  element.lastIndex = from + start.length
  for (let match = element.exec(body); match !== null; match = element.exec(body)) {
    const [, key, comment, value] = match
    if (key === undefined) break
    elements.set(key, { ...(value !== undefined && { value }), ...(comment !== undefined && { comment }) })
  }
  return elements
}
