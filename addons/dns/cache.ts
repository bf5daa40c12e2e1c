// Answers of others, kept as long as their TTL says: the least recently used go first when there are too many.

import type { Answer } from 'dns-packet'
import type { Outcome } from './message.ts'

const ceilingMs = 3_600_000
/** How long failures of upstreams are remembered (RFC 2308 section 7.1 allows up to five minutes). */
const failureMs = 1_000

interface Entry {
  outcome: Outcome
  storedMs: number
  untilMs: number
}

export class AnswerCache {
  readonly #capacity: number
  readonly #now: () => number
  /** In the order of use, oldest first. */
  readonly #entries = new Map<string, Entry>()

  /** now: must not jump when the clock of the host is set. */
  constructor(capacity: number, now = () => performance.now()) {
    this.#capacity = capacity
    this.#now = now
  }

  get size(): number {
    return this.#entries.size
  }

  /** The outcome with the time that is left on its records, or undefined. */
  get(key: string): Outcome | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    const nowMs = this.#now()
    if (nowMs >= entry.untilMs) return undefined
    this.#entries.set(key, entry)
    const age = Math.floor((nowMs - entry.storedMs) / 1000)
    return age === 0 ? entry.outcome : agedBy(entry.outcome, age)
  }

  set(key: string, outcome: Outcome): void {
    const lifeMs = lifeOf(outcome)
    if (lifeMs <= 0) return
    const storedMs = this.#now()
    this.#entries.delete(key)
    this.#entries.set(key, { outcome, storedMs, untilMs: storedMs + Math.min(lifeMs, ceilingMs) })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > this.#capacity && oldest !== undefined) this.#entries.delete(oldest)
  }
}

/** The shortest TTL; of a negative answer, also at the end of aliases, its SOA's TTL and minimum count too (RFC 2308 section 5). */
function lifeOf({ rcode, answers, authorities }: Outcome): number {
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') return failureMs
  const soa = authorities.find((record) => record.type === 'SOA')
  if (soa === undefined && (answers.length === 0 || rcode === 'NXDOMAIN')) return 0
  const ofSoa = soa?.type === 'SOA' ? [soa.ttl ?? 0, soa.data.minimum ?? 0] : []
  return Math.min(...answers.map(ttlOf), ...ofSoa) * 1000
}

function ttlOf(record: Answer): number {
  return 'ttl' in record && typeof record.ttl === 'number' ? record.ttl : 0
}

function agedBy(outcome: Outcome, seconds: number): Outcome {
  const age = (records: Answer[]) =>
    records.map((record) => ('ttl' in record ? { ...record, ttl: Math.max(ttlOf(record) - seconds, 0) } : record))
  return {
    ...outcome,
    answers: age(outcome.answers),
    authorities: age(outcome.authorities),
    additionals: age(outcome.additionals),
  }
}
