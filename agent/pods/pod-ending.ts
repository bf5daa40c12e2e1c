// Whether a pod must end, and why: it was deleted, has ended, was refused by the node, or has lived for too long.

import type { Ending } from './plan.ts'
import { gracePeriodOf, isTerminal } from './pod.ts'
import type { PodContext } from './pod-context.ts'

/** Why a pod failed as a whole. */
export interface PodFailure {
  reason: string
  message: string
  /** The node ended it, through no fault of its own. */
  isDisruption?: boolean
}

/** What a pod is given that the API no longer knows, in seconds. */
export const goneGraceSeconds = 2
const message = 'Stopping container'

export class PodEnding {
  readonly #context: PodContext
  readonly #startTime: () => string | undefined
  #isAsked = false
  #isAdmitted = false
  #failure: PodFailure | undefined
  /** Seconds; undefined: as many as the pod asks for. */
  #grace: number | undefined

  /** startTime: when the node took the pod, as its status says. */
  constructor(context: PodContext, startTime: () => string | undefined) {
    this.#context = context
    this.#startTime = startTime
  }

  /** The node was asked, and has taken the pod. */
  get isAdmitted(): boolean {
    return this.#isAdmitted
  }

  get failure(): PodFailure | undefined {
    return this.#failure
  }

  /** How everything must end, or undefined while the pod shall live. isGone: the API no longer has the pod. */
  decide(isGone: boolean): Ending | undefined {
    const pod = this.#context.pod()
    const { metadata, spec, status } = pod
    if (isGone) return { graceSeconds: metadata.deletionGracePeriodSeconds ?? goneGraceSeconds, message }
    if (metadata.deletionTimestamp !== undefined || isTerminal(status?.phase))
      return { graceSeconds: gracePeriodOf(pod), message }
    this.#admit()
    this.#expire()
    return this.#failure && { graceSeconds: this.#grace ?? spec.terminationGracePeriodSeconds ?? 30, message }
  }

  /** The node cannot keep the pod: it fails, and is ended at once. One that is ending already keeps its reason. */
  evict(why: PodFailure): void {
    const { deps, pod } = this.#context
    const { metadata, status } = pod()
    if (this.#failure !== undefined || metadata.deletionTimestamp !== undefined || isTerminal(status?.phase)) return
    this.#failure = { ...why, isDisruption: true }
    this.#grace = 0
    deps.emit(pod(), { type: 'Warning', ...why })
  }

  /** When the pod will have lived for too long, in milliseconds since the epoch; undefined for one that ends, or has ended, already. */
  deadlineMs(): number | undefined {
    const { metadata, spec, status } = this.#context.pod()
    const { activeDeadlineSeconds } = spec
    const startTime = this.#startTime()
    if (activeDeadlineSeconds === undefined || startTime === undefined || this.#failure !== undefined) return undefined
    if (metadata.deletionTimestamp !== undefined || isTerminal(status?.phase)) return undefined
    return Date.parse(startTime) + activeDeadlineSeconds * 1000
  }

  /** Asks the node once, before anything is made. */
  #admit(): void {
    const { deps, pod, observed } = this.#context
    if (this.#isAsked) return
    this.#isAsked = true
    const isNew = observed.containers.length === 0 && observed.sandboxes.length === 0
    // It may have been evicted already: the node was short of something when the agent started.
    const refusal = isNew && this.#failure === undefined ? deps.admit(pod()) : undefined
    this.#isAdmitted = refusal === undefined
    if (refusal === undefined) return
    this.#failure = refusal
    deps.emit(pod(), { type: 'Warning', ...refusal })
  }

  #expire(): void {
    const { deps, pod } = this.#context
    const deadlineMs = this.deadlineMs()
    if (deadlineMs === undefined || deadlineMs > deps.now()) return
    this.#failure = {
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    }
    deps.emit(pod(), { type: 'Normal', ...this.#failure })
  }
}
