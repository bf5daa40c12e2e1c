// What our table shall hold, put together from parts, one for each policy and each pod. Parts may want the same set, or the
// same element of a set: it stays until the last of them goes. What was touched is remembered, so that an edit costs as
// much as the change.

import { type Content, type Edit, emptyContent, planEdit } from './content.ts'
import { Journal } from './journal.ts'

/** What one object wants in the table. */
export interface Part {
  /** As verify tells it: "NetworkPolicy default/web". */
  owner: string
  /** Chains of its own. */
  chains: Map<string, string[]>
  /** Sets, maps and counters it needs; others may need the same. */
  declared: Map<string, string[]>
  elements: Claim[]
}

/** An element of a set, with its verdict in a map, "" in a set. */
export type Claim = [set: string, element: string, verdict: string]

export class Wish {
  readonly #parts = new Map<string, Part>()
  readonly #content = emptyContent()
  /** Set, map or counter -> how many parts need it. */
  readonly #needs = new Map<string, number>()
  /** "set element" -> what each part wants there. Where parts disagree, the last to come is right. */
  readonly #claims = new Map<string, Map<string, string>>()
  #journal = new Journal()

  /** All of it. Belongs to the wish. */
  get content(): Content {
    return this.#content
  }

  /** Who wants this chain, set, map or counter; undefined when nobody does. */
  ownerOf(name: string): string | undefined {
    for (const { owner, chains, declared } of this.#parts.values())
      if (chains.has(name) || declared.has(name)) return owner
    return undefined
  }

  /** The part of that id is now this one, or gone. */
  replace(id: string, part: Part | undefined): void {
    const old = this.#parts.get(id)
    // New before old: what both need is never counted down to nothing.
    if (part !== undefined) this.#add(id, part)
    if (old !== undefined) this.#remove(id, old, part)
    if (part === undefined) this.#parts.delete(id)
    else this.#parts.set(id, part)
  }

  /** What must be done to a table that holds what was wanted at the last call. */
  takeEdit(): Edit {
    const journal = this.#journal
    this.#journal = new Journal()
    return planEdit(journal.before(), journal.after(this.#content))
  }

  #add(id: string, { chains, declared, elements }: Part): void {
    for (const [name, lines] of chains) this.#setLines('chains', name, lines)
    for (const [name, lines] of declared) {
      this.#setLines('declared', name, lines)
      this.#needs.set(name, (this.#needs.get(name) ?? 0) + 1)
    }
    for (const claim of elements) this.#claim(id, claim)
  }

  #remove(id: string, old: Part, part: Part | undefined): void {
    for (const name of old.chains.keys()) if (part?.chains.has(name) !== true) this.#setLines('chains', name, undefined)
    for (const name of old.declared.keys()) {
      const count = (this.#needs.get(name) ?? 1) - 1
      if (count > 0) this.#needs.set(name, count)
      else {
        this.#needs.delete(name)
        this.#setLines('declared', name, undefined)
      }
    }
    const kept = new Set(part?.elements.map(claimId))
    for (const claim of old.elements) if (!kept.has(claimId(claim))) this.#withdraw(id, claim)
  }

  #setLines(kind: 'chains' | 'declared', name: string, lines: string[] | undefined): void {
    this.#journal.noteLines(kind, name, this.#content)
    if (lines === undefined) this.#content[kind].delete(name)
    else this.#content[kind].set(name, lines)
  }

  #claim(id: string, claim: Claim): void {
    const claims = this.#claims.get(claimId(claim)) ?? new Map<string, string>()
    claims.delete(id)
    this.#claims.set(claimId(claim), claims.set(id, claim[2]))
    this.#setElement(claim, claim[2])
  }

  #withdraw(id: string, claim: Claim): void {
    const claims = this.#claims.get(claimId(claim))
    claims?.delete(id)
    const newest = [...(claims?.values() ?? [])].at(-1)
    if (newest === undefined) this.#claims.delete(claimId(claim))
    this.#setElement(claim, newest)
  }

  #setElement([set, element]: Claim, verdict: string | undefined): void {
    this.#journal.noteElement(set, element, this.#content)
    const elements = this.#content.elements.get(set) ?? new Map<string, string>()
    if (verdict === undefined) elements.delete(element)
    else elements.set(element, verdict)
    if (elements.size === 0) this.#content.elements.delete(set)
    else this.#content.elements.set(set, elements)
  }
}

const claimId = ([set, element]: Claim) => `${set} ${element}`
