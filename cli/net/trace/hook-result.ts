// What comes out of a hook, and the words and causes of an end there.

import type { Cause, RuleReference } from '../../../api/net/trace.ts'
import type { BaseChain, ChainEnd } from './rules.ts'

/** What a hook did with the packet, which it may have changed. */
export interface HookResult {
  /** In words, in order. */
  did: string[]
  /** Rules that matched and did something; jumps only where they led to one. */
  rules: RuleReference[]
  /** The rule that let it pass. */
  accepted?: RuleReference
  /** The real entry of connection tracking that translated it. */
  known?: string
  notes: string[]
  /** Present when the packet ends here. */
  end?: { outcome: 'dropped' | 'refused'; cause: Cause; text: string; rule?: RuleReference }
}

/** The end that a chain which does not accept makes of a packet. */
export function endAt(chain: BaseChain, end: ChainEnd): NonNullable<HookResult['end']> {
  return toEnd(chain, nameDrop(chain, end))
}

/** A pod's chain drops what none of its policies allowed: those are named by the rules before the drop. */
function nameDrop(chain: BaseChain, end: ChainEnd): ChainEnd {
  const { rule } = end
  if (rule === undefined || !/policy drop/.test(rule.text)) return end
  const policies = (chain.rulesOf(rule.chain) ?? [])
    .map(({ reference }) => reference.object)
    .filter((object) => object?.startsWith('NetworkPolicy'))
  const object = [...new Set(policies)].join(', ') || 'NetworkPolicies'
  return { ...end, rule: { ...rule, object } }
}

function toEnd(chain: BaseChain, { verdict, how, rule, matched }: ChainEnd): NonNullable<HookResult['end']> {
  const where = `${chain.table} ${rule?.chain ?? chain.chain}`
  if (rule === undefined) {
    const text = `dropped by the policy of chain ${chain.table} ${chain.chain}: no rule accepts it`
    return { outcome: 'dropped', cause: 'chain-policy', text }
  }
  const owner = rule.object === undefined ? '' : ` of ${rule.object}`
  const cause = causeOf(rule, matched)
  if (verdict === 'reject')
    return { outcome: 'refused', cause, text: `refused (${how}) by rule${owner} in ${where}: ${rule.text}`, rule }
  const what = verdict === 'queue' ? 'handed to a program (queue)' : 'dropped'
  return { outcome: 'dropped', cause, text: `${what} by rule${owner} in ${where}: ${rule.text}`, rule }
}

function causeOf({ object = '', text, chain }: RuleReference, matched: readonly RuleReference[]): Cause {
  if (object.startsWith('NetworkPolic')) return 'policy'
  if (object.startsWith('fault ')) return 'fault'
  if (/no endpoints|no local endpoints/.test(text)) return 'no-endpoints'
  if (object.startsWith('Service') && matched.some((rule) => rule.text.includes('@no-endpoint'))) return 'no-endpoints'
  if (/@cluster-ips|no Service has this address/.test(text)) return 'not-served'
  if (/^KUBE-FW-|firewall|source.?range/i.test(`${chain} ${text}`)) return 'source-range'
  return 'rule'
}
