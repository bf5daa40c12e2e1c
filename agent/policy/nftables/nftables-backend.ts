// Keeps policies by nftables, in a table of our own. A change becomes the text of the changed chains and elements alone;
// only the first call, a resync and the call after a failure read what the kernel holds.

import type { Difference } from '../../../api/net/difference.ts'
import { hasTable, readTable, runNft } from '../../../cni/linux/nft.ts'
import type { PolicyBackend } from '../backend.ts'
import type { TableChanges } from '../table.ts'
import { type Content, type Edit, emptyContent, isEmptyEdit, needsNewTable, planEdit } from './content.ts'
import { tableName } from './names.ts'
import { parseContent } from './parse.ts'
import { planBase, planPod, planPolicy } from './plan.ts'
import { toScript } from './script.ts'
import { Wish } from './wish.ts'

export interface NftablesOptions {
  /** Network namespace to write to; absent: this process's own. */
  netns?: string
}

export class NftablesBackend implements PolicyBackend {
  readonly #options: NftablesOptions
  readonly #wish = new Wish()
  /** Whether the kernel is known to hold what was wanted at the last call. */
  #kernelKnown = false

  constructor(options: NftablesOptions = {}) {
    this.#options = options
    this.#wish.replace('base', planBase())
  }

  async apply({ policies, pods }: TableChanges): Promise<void> {
    for (const [key, policy] of policies)
      this.#wish.replace(`policy ${key}`, policy === undefined ? undefined : planPolicy(policy))
    for (const [key, pod] of pods) this.#wish.replace(`pod ${key}`, pod === undefined ? undefined : planPod(pod))
    const edit = this.#wish.takeEdit()
    if (this.#kernelKnown) await this.#write(edit)
    else await this.resync()
  }

  async resync(): Promise<void> {
    this.#kernelKnown = false
    const actual = await this.#read()
    const wanted = this.#wish.content
    if (needsNewTable(actual, wanted)) await this.#write(planEdit(emptyContent(), wanted), { anew: true })
    else await this.#write(planEdit(actual, wanted))
    this.#kernelKnown = true
  }

  async verify(): Promise<Difference[]> {
    const actual = await this.#read()
    const { chains, declared, elements } = planEdit(actual, this.#wish.content)
    return [
      ...[...chains].map(([name, lines]) => this.#toDifference('chain', name, lines, actual.chains.get(name))),
      ...[...declared].map(([name, lines]) => this.#toDifference('rule', name, lines, actual.declared.get(name))),
      ...[...elements].flatMap(([set, { add, remove }]) => [
        ...add.map(([element]) => this.#toElement(set, element, 'missing')),
        ...remove
          .filter((element) => add.every(([added]) => added !== element))
          .map((element) => this.#toElement(set, element, 'extra')),
      ]),
    ]
  }

  async #read(): Promise<Content> {
    const text = await readTable(tableName, this.#options)
    return text === undefined ? emptyContent() : parseContent(text)
  }

  async #write(edit: Edit, { anew = false } = {}): Promise<void> {
    if (!anew && isEmptyEdit(edit)) return
    this.#kernelKnown = false
    await runNft(toScript(edit, { anew }), this.#options)
    this.#kernelKnown = true
  }

  #toDifference(
    kind: 'chain' | 'rule',
    name: string,
    wanted: string[] | undefined,
    actual: string[] | undefined,
  ): Difference {
    const state = wanted === undefined ? 'extra' : actual === undefined ? 'missing' : 'different'
    return {
      kind,
      name: `${tableName} ${name}`,
      state,
      owner: this.#wish.ownerOf(name) ?? 'NetworkPolicies',
      ...(state === 'different' && { detail: describeLines(actual, wanted) }),
    }
  }

  #toElement(set: string, element: string, state: 'missing' | 'extra'): Difference {
    return {
      kind: 'element',
      name: `${tableName} ${set} { ${element} }`,
      state,
      owner: this.#wish.ownerOf(set) ?? 'NetworkPolicies',
    }
  }
}

/** The lines that only one of both has. */
function describeLines(actual: string[] = [], wanted: string[] = []): string {
  const lacking = wanted.filter((line) => !actual.includes(line)).map((line) => `lacks "${line}"`)
  const strange = actual.filter((line) => !wanted.includes(line)).map((line) => `has "${line}"`)
  return [...lacking, ...strange].join('; ') || 'the order of rules'
}

/** Removes all that is ever written for policies. Does nothing when there is nothing. */
export async function removePolicyRules(options: NftablesOptions = {}): Promise<void> {
  if (await hasTable(tableName, options)) await runNft(`delete table ${tableName}\n`, options)
}
