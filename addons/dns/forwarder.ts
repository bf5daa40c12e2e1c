// Questions outside the cluster's zone: from the cache, else by an upstream server, a healthy one first. The same question
// asked by many at once goes out once.

import { randomInt } from 'node:crypto'
import type { DecodedPacket, Question } from 'dns-packet'
import { AnswerCache } from './cache.ts'
import { failure, type Outcome, type Rcode } from './message.ts'
import { type Address, Upstream } from './upstream.ts'

export interface ForwarderOptions {
  upstreams: readonly Address[]
  timeoutMs?: number
  cacheSize?: number
  /** So many questions may wait for upstreams at once; more are told that it does not work now. */
  maxConcurrent?: number
  onError: (error: unknown) => void
  /** Told how each question was answered. */
  onAnswered?: (from: 'cache' | 'upstream' | 'nobody') => void
}

/** Behind the cluster's own address is another server too, which waits for itself when the question comes round to it. */
const loopAttempts = 5
/** A name of our own: who is asked for it hears its own echo. */
const loopName = `${randomInt(2 ** 47).toString(36)}.loop.fairlead.invalid`

export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #upstreams: readonly Upstream[]
  readonly #cache: AnswerCache
  readonly #waiting = new Map<string, Promise<Outcome>>()
  #isLoop = false

  constructor(options: ForwarderOptions) {
    this.#options = options
    this.#upstreams = options.upstreams.map((address) => new Upstream(address, options.timeoutMs))
    this.#cache = new AnswerCache(options.cacheSize ?? 10_000)
  }

  /** Asks the upstreams for a name of our own: one that leads back here would send every question round for ever. */
  async findLoop(): Promise<boolean> {
    const question: Question = { type: 'HINFO', name: loopName }
    for (let attempt = 0; attempt < loopAttempts && !this.#isLoop; attempt++) {
      const asked = await Promise.allSettled(this.#upstreams.map((upstream) => upstream.ask(question, false)))
      if (asked.every((each) => each.status === 'fulfilled' && toOutcome(each.value).rcode !== 'SERVFAIL')) break
    }
    return this.#isLoop
  }

  async resolve(question: Question, dnssecOk: boolean): Promise<Outcome> {
    const name = question.name.toLowerCase()
    if (name === loopName) this.#isLoop = true
    if (this.#isLoop) return failure('SERVFAIL')
    const key = `${name} ${question.type} ${dnssecOk}`
    const cached = this.#cache.get(key)
    if (cached !== undefined) {
      this.#options.onAnswered?.('cache')
      return cached
    }
    const pending = this.#waiting.get(key)
    if (pending !== undefined) return await pending
    if (this.#waiting.size >= (this.#options.maxConcurrent ?? 1_000)) return failure('SERVFAIL')
    const asking = this.#ask(key, question, dnssecOk).finally(() => this.#waiting.delete(key))
    this.#waiting.set(key, asking)
    return await asking
  }

  close(): void {
    for (const upstream of this.#upstreams) upstream.close()
  }

  async #ask(key: string, question: Question, dnssecOk: boolean): Promise<Outcome> {
    for (const upstream of this.#order()) {
      try {
        const outcome = toOutcome(await upstream.ask(question, dnssecOk))
        this.#cache.set(key, outcome)
        this.#options.onAnswered?.('upstream')
        return outcome
      } catch (error) {
        this.#options.onError(error)
      }
    }
    this.#options.onAnswered?.('nobody')
    const nobody = failure('SERVFAIL')
    this.#cache.set(key, nobody)
    return nobody
  }

  /** Healthy ones at random. When none is, the first is asked all the same: perhaps only the probe was lost. */
  #order(): readonly Upstream[] {
    const healthy = this.#upstreams.filter(({ isHealthy }) => isHealthy)
    if (healthy.length === 0) return this.#upstreams.slice(0, 1)
    const start = randomInt(healthy.length)
    return [...healthy.slice(start), ...healthy.slice(0, start)]
  }
}

const passedOn: readonly string[] = ['NOERROR', 'NXDOMAIN', 'REFUSED', 'NOTIMP', 'FORMERR'] satisfies Rcode[]
const isPassedOn = (rcode: string): rcode is Rcode => passedOn.includes(rcode)

function toOutcome({ answers = [], authorities = [], additionals = [], ...header }: DecodedPacket): Outcome {
  const rcode = 'rcode' in header ? String(header.rcode) : 'SERVFAIL'
  return {
    rcode: isPassedOn(rcode) ? rcode : 'SERVFAIL',
    answers,
    authorities,
    additionals: additionals.filter(({ type }) => type !== 'OPT'),
    isAuthoritative: false,
  }
}
