// Where a question is answered: in the cluster's zone, by its reverse names, or by somebody else.

import type { Answer, Question } from 'dns-packet'
import type { Lookup } from './cluster.ts'
import { failure, type Outcome } from './message.ts'
import { labelsBelow, normalizeName, reversedAddress } from './names.ts'
import { type Found, findPointers, findRecords, type ZoneOptions } from './records.ts'

export interface ResolverOptions extends ZoneOptions {
  lookup: Lookup
  forward: (question: Question, dnssecOk: boolean) => Promise<Outcome>
  /** Changes when the zone's content does; secondaries would compare it. */
  serial?: number
}

/** Names may be aliases of aliases: so many are followed. */
const maxAliases = 8

export class Resolver {
  readonly #options: ResolverOptions

  constructor(options: ResolverOptions) {
    this.#options = options
  }

  /** Never rejects but for a failure of `forward`. */
  async resolve(question: Question, dnssecOk = false): Promise<Outcome> {
    // RFC 8482: whoever asks for everything gets a little.
    if (question.type === ('ANY' as string)) return this.#any(question.name)
    const name = normalizeName(question.name)
    const labels = labelsBelow(name, this.#options.zone)
    if (labels !== undefined) return await this.#inZone(question, labels, dnssecOk)
    const address = reversedAddress(name)
    const pointers =
      address === undefined ? undefined : findPointers(this.#options.lookup, address, question.name, this.#options)
    if (pointers === undefined) return await this.#options.forward(question, dnssecOk)
    return authoritative(question.type === 'PTR' ? pointers : [])
  }

  async #inZone(question: Question, labels: string[], dnssecOk: boolean): Promise<Outcome> {
    const answers: Answer[] = []
    let [owner, below] = [question.name, labels]
    for (let step = 0; step < maxAliases; step++) {
      const found = findRecords(this.#options.lookup, below, owner, question.type, this.#options)
      if (found.alias === undefined)
        return this.#conclude({ ...found, answers: shuffled(found.answers) }, answers, question, below)
      const target = normalizeName(found.alias)
      // A Service may name what no message can hold.
      if (target.length > 253 || target.split('.').some((label) => label === '' || label.length > 63)) break
      answers.push({ type: 'CNAME', name: owner, ttl: this.#options.ttl, data: target })
      if (question.type === 'CNAME') return authoritative(answers)
      const inside = labelsBelow(target, this.#options.zone)
      if (inside === undefined) return await this.#followOutside(answers, { ...question, name: target }, dnssecOk)
      ;[owner, below] = [target, inside]
    }
    return failure('SERVFAIL')
  }

  async #followOutside(answers: Answer[], question: Question, dnssecOk: boolean): Promise<Outcome> {
    // What becomes of the last name is what the asker hears: RFC 6604, section 3.
    const outside = await this.#options.forward(question, dnssecOk)
    return { ...outside, answers: [...answers, ...outside.answers], isAuthoritative: true }
  }

  /** aliases lead to what was found, or not found, of a name with these labels. */
  #conclude({ exists, answers, additionals }: Found, aliases: Answer[], { type }: Question, labels: string[]): Outcome {
    if (labels.length === 0 && type === 'SOA') return authoritative([...aliases, this.#soa()])
    if (answers.length > 0) return { ...authoritative([...aliases, ...answers]), additionals }
    return { ...authoritative(aliases), rcode: exists ? 'NOERROR' : 'NXDOMAIN', authorities: [this.#soa()] }
  }

  #any(name: string): Outcome {
    return authoritative([
      { type: 'HINFO', name, ttl: this.#options.ttl, data: { cpu: 'ANY obsoleted', os: 'See RFC 8482' } },
    ])
  }

  #soa(): Answer {
    const { zone, ttl, serial = 1 } = this.#options
    const data = {
      mname: `ns.dns.${zone}`,
      rname: `hostmaster.${zone}`,
      serial,
      refresh: 7_200,
      retry: 1_800,
      expire: 86_400,
      minimum: ttl,
    }
    return { type: 'SOA', name: zone, ttl, data }
  }
}

const authoritative = (answers: Answer[]): Outcome => ({
  rcode: 'NOERROR',
  answers,
  authorities: [],
  additionals: [],
  isAuthoritative: true,
})

/** Clients take the first address: every answer has them in another order. */
function shuffled(answers: Answer[]): Answer[] {
  const left = [...answers]
  return Array.from(answers, () => left.splice(Math.floor(Math.random() * left.length), 1)).flat()
}
