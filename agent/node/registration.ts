// Keeps this node's Node object: registers it, and writes its status when something has changed or five minutes are over.

import { isDeepStrictEqual } from 'node:util'
import { pause } from '../../api/client/alarm.ts'
import type { Client } from '../../api/client/client.ts'
import type { Node, NodeStatus } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isAlreadyExists, isNotFound } from '../../api/objects/status-error.ts'
import { nodes } from '../../api/resources/nodes.ts'
import type { Image, Runtime, RuntimeVersion } from '../runtime/runtime.ts'
import type { Machine } from './machine.ts'
import { makeNode, makeNodeStatus, type NodeIdentity } from './node-status.ts'
import type { PressureGauge } from './pressure.ts'

export interface RegistrationOptions {
  client: Client
  identity: NodeIdentity
  machine: Machine
  pressure: Pick<PressureGauge, 'last'>
  runtime: Pick<Runtime, 'version' | 'listImages'>
  /** Why the network cannot take pods, or undefined. */
  networkNotReady: () => string | undefined
  /** The Node as it was last heard of: the control plane changes its conditions while it cannot hear this node. */
  observed?: () => Stored<Node> | undefined
  onError: (error: unknown) => void
  /** Told when the node becomes ready or stops being so. */
  onReady?: (node: Stored<Node>, ready: boolean) => void
  now: () => number
}

const reportMs = 300_000
const imagesMs = 60_000
const lookMs = 3_000
/** While the node is not ready, pods wait for it. */
const eagerLookMs = 200
const answerMs = 10_000
/** A runtime that was heard of so long ago is down; one that is only restarted takes no traffic from its pods (the kubelet's measure). */
const patienceMs = 30_000

interface RuntimeAnswer {
  version: RuntimeVersion
  images: readonly Image[]
}

export class NodeRegistration {
  readonly #options: RegistrationOptions
  #node: Stored<Node> | undefined
  #written: NodeStatus | undefined
  #writtenAtMs = 0
  #asked: Promise<RuntimeAnswer> | undefined
  #answer: RuntimeAnswer | undefined
  #answeredAtMs = 0
  #imagesAtMs = 0

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** The registered Node's uid. */
  get uid(): string | undefined {
    return this.#node?.metadata.uid
  }

  /** Registers and reports until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#report(signal)
      } catch (error) {
        if (signal.aborted) return
        // The Node was deleted: register it anew.
        if (isNotFound(error)) this.#node = undefined
        else this.#options.onError(error)
      }
      const isReady = this.#written?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
      await pause(isReady ? lookMs : eagerLookMs, signal)
    }
  }

  async #report(signal: AbortSignal): Promise<void> {
    const { identity, machine, client, now } = this.#options
    const node = await this.#ensureNode(signal)
    const status = makeNodeStatus(identity, machine, this.#written?.conditions ?? node.status?.conditions ?? [], {
      ...(await this.#look()),
      pressure: this.#options.pressure.last,
      nowMs: now(),
    })
    const isFresh = now() - this.#writtenAtMs < reportMs && !this.#isContradicted()
    if (isFresh && this.#written && isDeepStrictEqual(withoutTimes(status), withoutTimes(this.#written))) return
    const limited = { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) }
    const written = await client.patch(
      nodes,
      { name: identity.name },
      'application/strategic-merge-patch+json',
      { status: withAllAddresses(status) },
      { subresource: 'status', ...limited },
    )
    this.#announce(written, status)
    this.#node = written
    this.#written = status
    this.#writtenAtMs = now()
  }

  /** Whether the API says something else of readiness than was written. */
  #isContradicted(): boolean {
    const observed = this.#options.observed?.()
    const readyOf = (status: NodeStatus | undefined) => status?.conditions?.find(({ type }) => type === 'Ready')?.status
    return observed !== undefined && this.#written !== undefined && readyOf(observed.status) !== readyOf(this.#written)
  }

  async #ensureNode(signal: AbortSignal): Promise<Stored<Node>> {
    if (this.#node !== undefined) return this.#node
    const { client, identity } = this.#options
    const { name } = identity
    this.#written = undefined
    this.#node = await client.create(nodes, makeNode(identity), { signal }).catch(async (error: unknown) => {
      if (!isAlreadyExists(error)) throw error
      const { labels, annotations } = makeNode(identity).metadata ?? {}
      const metadata = { labels, annotations }
      return await client.patch(nodes, { name }, 'application/merge-patch+json', { metadata }, { signal })
    })
    return this.#node
  }

  async #look(): Promise<{
    runtime: RuntimeVersion | undefined
    notReady: string | undefined
    images: readonly Image[]
  }> {
    const { networkNotReady, now } = this.#options
    try {
      this.#answer = await this.#ask()
      this.#answeredAtMs = now()
    } catch (error) {
      const images = this.#answer?.images ?? []
      const why = error instanceof Error ? error.message : String(error)
      if (now() - this.#answeredAtMs >= patienceMs)
        return { runtime: undefined, notReady: `container runtime is down: ${why}`, images }
    }
    const reason = networkNotReady()
    const notReady =
      reason && `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${reason}`
    return { runtime: this.#answer?.version, notReady, images: this.#answer?.images ?? [] }
  }

  /** What the runtime says of itself. It is asked one thing at a time, however long an answer takes. */
  async #ask(): Promise<RuntimeAnswer> {
    this.#asked ??= this.#readRuntime().finally(() => {
      this.#asked = undefined
    })
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error(`no answer within ${answerMs / 1000} s`)), answerMs)
    return await Promise.race([this.#asked, late]).finally(() => clearTimeout(timer))
  }

  async #readRuntime(): Promise<RuntimeAnswer> {
    const { runtime, now } = this.#options
    const version = await runtime.version()
    const isFresh = now() - this.#imagesAtMs <= imagesMs
    const images = (isFresh ? this.#answer?.images : undefined) ?? (await runtime.listImages())
    if (!isFresh) this.#imagesAtMs = now()
    return { version, images }
  }

  #announce(node: Stored<Node>, status: NodeStatus): void {
    const isReady = (conditions: NodeStatus['conditions'] = []) =>
      conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')
    const [before, after] = [isReady(this.#written?.conditions), isReady(status.conditions)]
    if (before !== after) this.#options.onReady?.(node, after)
  }
}

/** Merged item by item, addresses of one type would become one: the list is given whole, as the kubelet does. */
function withAllAddresses(status: NodeStatus): object {
  return { ...status, addresses: [...(status.addresses ?? []), { $patch: 'replace' }] }
}

function withoutTimes({ conditions = [], ...status }: NodeStatus) {
  return {
    ...status,
    conditions: conditions.map(({ type, status, reason, message }) => ({ type, status, reason, message })),
  }
}
