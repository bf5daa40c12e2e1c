// One thing that a host must have, should have, or must not have. Checks are pure: facts and wishes in, results out.

import type { NetworkKind } from '../../agent/network/plan.ts'
import type { ProxyMode } from '../../agent/proxy/modes.ts'
import type { HostFacts } from './facts.ts'

/** What the host is to become. */
export interface HostWish {
  /** A control plane. */
  isServer: boolean
  /** A node. */
  isNode: boolean
  nodeName: string
  /** By which other hosts reach this one, the first of them before all; empty: it has none. */
  addresses: readonly string[]
  /** Where the API server listens. */
  port: number
  proxyMode: ProxyMode | 'none'
  network: NetworkKind
  /** Ranges of pods and of Services, one a family. */
  clusterCidrs: readonly string[]
  serviceCidrs: readonly string[]
}

/** ok; warning: it will work, but perhaps not as expected; failed: it will not work. */
type CheckState = 'ok' | 'warning' | 'failed'

export interface CheckResult {
  name: string
  state: CheckState
  found: string
  /** What to do about it; only of what is not ok. */
  mend?: string
}

/** Looks at one matter; may find several things, or nothing to say. */
export type Check = (facts: HostFacts, wish: HostWish) => CheckResult[]

/** A result that is ok. */
export const ok = (name: string, found: string): CheckResult => ({ name, state: 'ok', found })
/** A result that people should know of. */
export const warning = (name: string, found: string, mend: string): CheckResult => ({
  name,
  state: 'warning',
  found,
  mend,
})
/** A result that must be mended first. */
export const failed = (name: string, found: string, mend: string): CheckResult => ({
  name,
  state: 'failed',
  found,
  mend,
})
