// One iptables rule: its words made into conditions and a target.

import type { RuleReference } from '../../../../api/net/trace.ts'
import type { Effect, Rule, RuleContext } from '../rules.ts'
import { type Condition, conditions, harmless } from './conditions.ts'
import { applyTarget } from './targets.ts'

interface Parsed {
  conditions: Condition[]
  target: string
  /** Words after the target. */
  targetWords: string[]
  isGoto: boolean
  /** An option that is not known here. */
  unknown?: string
}

export class IptablesRule implements Rule {
  readonly reference: RuleReference
  #parsed: Parsed | undefined

  constructor(reference: RuleReference) {
    this.reference = reference
  }

  apply(context: RuleContext): Effect {
    this.#parsed ??= parse(splitWords(this.reference.text))
    const { conditions, target, targetWords, isGoto, unknown } = this.#parsed
    // Known conditions first: a rule that cannot match for a plain reason needs no excuse.
    if (conditions.some((condition) => !condition(context))) return { matched: false, did: [] }
    if (unknown !== undefined) return { matched: false, unknown: `cannot evaluate ${unknown} of this rule`, did: [] }
    return applyTarget(target, targetWords, isGoto, context)
  }
}

/** Words as a shell would split them; iptables-save quotes with " and escapes with \. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '',
  )
}

function parse(words: readonly string[]): Parsed {
  const parsed: Parsed = { conditions: [], target: '', targetWords: [], isGoto: false }
  let module = ''
  let negated = false
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const value = words[at + 1] ?? ''
    if (word === '!') {
      negated = true
      continue
    }
    if (word === '-m') module = words[++at] ?? ''
    else if (word === '-j' || word === '-g') {
      parsed.target = value
      parsed.isGoto = word === '-g'
      parsed.targetWords = words.slice(at + 2)
      return parsed
    } else {
      const known = conditions[`${module} ${word}`] ?? conditions[word]
      const quiet = harmless[word]
      if (known !== undefined) {
        parsed.conditions.push(negate(known.make(value, words.slice(at + 2), words), negated))
        at += known.values
      } else if (quiet !== undefined) at += quiet
      else parsed.unknown ??= `${module === '' ? '' : `-m ${module} `}${word}`
      // What follows an unknown option is passed over up to the next one.
      if (known === undefined && quiet === undefined) while (/^[^-!]/.test(words[at + 1] ?? '-')) at++
    }
    negated = false
  }
  return parsed
}

function negate(condition: Condition, negated: boolean): Condition {
  return negated ? (context) => !condition(context) : condition
}
