// The base chains of a namespace, of both dialects, in the order of their priorities.

import type { Family } from '../../../api/objects/addresses.ts'
import { parseIptables } from './iptables/parse.ts'
import { parseNft } from './nft/model.ts'
import type { BaseChain } from './rules.ts'
import type { Namespace } from './world.ts'

interface Tables {
  chains: BaseChain[]
  isTracking: boolean
}

const known = new WeakMap<Namespace, Map<Family, Tables>>()

/** Read once for each namespace. */
export function tablesOf(namespace: Namespace, family: Family): Tables {
  const families = known.get(namespace) ?? new Map<Family, Tables>()
  known.set(namespace, families)
  const found = families.get(family)
  if (found !== undefined) return found
  const { state } = namespace
  const { iptables, legacyIptables } = state[family]
  const prefix = family === 'ipv4' ? 'ip' : 'ip6'
  const skipped = new Set([...iptables.matchAll(/^\*(\S+)/gm)].map(([, table]) => `${prefix} ${table}`))
  const chains = [
    ...parseIptables(legacyIptables, family),
    ...parseIptables(iptables, family),
    ...parseNft(state.nft, family, skipped),
  ].sort((a, b) => a.priority - b.priority)
  // The kernel tracks connections where some rule asks for it.
  const isTracking =
    chains.some(({ type }) => type === 'nat') ||
    /conntrack|--state|CONNMARK/.test(iptables + legacyIptables) ||
    JSON.stringify(state.nft).includes('"ct"') ||
    state.conntrack.count > 0
  const tables = { chains, isTracking }
  families.set(family, tables)
  return tables
}
