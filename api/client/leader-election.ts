// One of several equal processes leads, by a Lease that the leader renews. A leader that cannot renew stops leading before another
// may take over. Clocks of machines are never compared: a Lease is over when it has not changed for its length of time,
// as seen by whoever waits for it.
// https://kubernetes.io/docs/concepts/architecture/leases/#leader-election

import type { Lease, LeaseSpec } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../objects/status-error.ts'
import { leases } from '../resources/leases.ts'
import { pause } from './alarm.ts'
import type { Client } from './client.ts'

export interface LeaderElectionOptions {
  /** The Lease's name: one for each kind of work. */
  name: string
  namespace?: string
  /** Tells this process from its equals; of no other process, ever. */
  identity: string
  /** How long a Lease is good without renewal. */
  leaseDurationMs?: number
  /** A leader that could not renew for so long stops. Less than leaseDurationMs. */
  renewDeadlineMs?: number
  /** Time between attempts. */
  retryPeriodMs?: number
  onError: (error: unknown) => void
}

/** Runs work in at most one process at a time, as far as a Lease can promise that. */
export class LeaderElection {
  readonly #client: Client
  readonly #options: Required<LeaderElectionOptions>
  /** The Lease of another as last seen to change, and when by our clock. */
  #observed = { version: '', atMs: 0 }

  constructor(client: Client, options: LeaderElectionOptions) {
    this.#client = client
    this.#options = {
      namespace: 'kube-system',
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
      ...options,
    }
  }

  /**
   * Waits for leadership, runs lead, and waits again when leadership is lost, until the signal aborts. The signal given to
   * lead aborts with the leadership; lead should end soon then. When lead ends by itself, so does run.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.#tryOnce(signal))) {
        await pause(this.#options.retryPeriodMs, signal)
        continue
      }
      const isLost = await this.#lead(signal, lead)
      if (!isLost) {
        await this.#release()
        return
      }
    }
  }

  /** Returns true if leadership was lost, false if lead or the signal ended it. */
  async #lead(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const lost = new AbortController()
    const ended = new AbortController()
    const renewing = this.#renew(AbortSignal.any([signal, ended.signal]), lost)
    try {
      await lead(AbortSignal.any([signal, lost.signal]))
    } finally {
      ended.abort()
      await renewing
    }
    return lost.signal.aborted && !signal.aborted
  }

  async #renew(signal: AbortSignal, lost: AbortController): Promise<void> {
    const { retryPeriodMs, renewDeadlineMs } = this.#options
    const stop = AbortSignal.any([signal, lost.signal])
    // A request that hangs must not keep a leader in office.
    const startTimer = () => setTimeout(() => lost.abort(), renewDeadlineMs)
    let timer = startTimer()
    while (!stop.aborted) {
      await pause(retryPeriodMs, stop)
      if (stop.aborted || !(await this.#tryOnce(stop))) continue
      clearTimeout(timer)
      if (!stop.aborted) timer = startTimer()
    }
    clearTimeout(timer)
  }

  /** True if the Lease is ours now. */
  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#acquire(signal)
    } catch (error) {
      const isBeaten = isConflict(error) || isAlreadyExists(error)
      if (!isBeaten && !signal.aborted) this.#options.onError(error)
      return false
    }
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { namespace, name, identity } = this.#options
    const lease = await this.#find(signal)
    if (lease === undefined) {
      await this.#client.create(leases, { metadata: { namespace, name }, spec: this.#makeSpec(undefined) }, { signal })
      return true
    }
    if (lease.spec.holderIdentity !== identity && !this.#isOver(lease)) return false
    await this.#client.update(leases, { ...lease, spec: this.#makeSpec(lease.spec) }, { signal })
    return true
  }

  async #find(signal?: AbortSignal): Promise<Stored<Lease> | undefined> {
    const { namespace, name } = this.#options
    try {
      return await this.#client.get(leases, { namespace, name }, { ...(signal !== undefined && { signal }) })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  #isOver({ metadata, spec }: Stored<Lease>): boolean {
    if ((spec.holderIdentity ?? '') === '') return true
    const nowMs = performance.now()
    if (metadata.resourceVersion !== this.#observed.version) {
      this.#observed = { version: metadata.resourceVersion, atMs: nowMs }
    }
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000 || this.#options.leaseDurationMs
    return nowMs - this.#observed.atMs >= durationMs
  }

  #makeSpec(old: LeaseSpec | undefined): LeaseSpec {
    const { identity, leaseDurationMs } = this.#options
    const now = new Date().toISOString().replace('Z', '000Z')
    const isOurs = old?.holderIdentity === identity
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: isOurs ? old.acquireTime : now,
      renewTime: now,
      leaseTransitions: (old?.leaseTransitions ?? 0) + (isOurs || old === undefined ? 0 : 1),
    }
  }

  /** Lets the next one in at once, instead of after the Lease's time. */
  async #release(): Promise<void> {
    try {
      const lease = await this.#find()
      if (lease?.spec.holderIdentity !== this.#options.identity) return
      await this.#client.update(leases, { ...lease, spec: { ...lease.spec, holderIdentity: '' } })
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
