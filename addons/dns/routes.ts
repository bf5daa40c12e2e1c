// Which forwarder a name outside the cluster belongs to: the one with the longest zone that fits.

import type { Question } from 'dns-packet'
import { Forwarder, type ForwarderOptions } from './forwarder.ts'
import type { Outcome } from './message.ts'
import { labelsBelow, normalizeName } from './names.ts'
import type { Stub } from './upstreams.ts'

export class ForwardRoutes {
  readonly #fallback: Forwarder
  /** The longest zone first. */
  readonly #stubs: readonly { zone: string; forwarder: Forwarder }[]

  constructor(options: ForwarderOptions, stubs: readonly Stub[]) {
    this.#fallback = new Forwarder(options)
    this.#stubs = stubs
      .map(({ zone, addresses }) => ({ zone, forwarder: new Forwarder({ ...options, upstreams: addresses }) }))
      .sort((a, b) => b.zone.length - a.zone.length)
  }

  async resolve(question: Question, dnssecOk: boolean): Promise<Outcome> {
    const name = normalizeName(question.name)
    const stub = this.#stubs.find(({ zone }) => labelsBelow(name, zone) !== undefined)
    return await (stub?.forwarder ?? this.#fallback).resolve(question, dnssecOk)
  }

  /** Whether names of no stub come back here. */
  async findLoop(): Promise<boolean> {
    return await this.#fallback.findLoop()
  }

  close(): void {
    this.#fallback.close()
    for (const { forwarder } of this.#stubs) forwarder.close()
  }
}
