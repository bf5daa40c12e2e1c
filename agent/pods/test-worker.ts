// Workers on a node in memory, and what they have done there.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { ContainerStatus, PodStatus } from '../../api/generated/types.ts'
import { FakeRuntime } from '../runtime/fake-runtime.ts'
import type { Container } from '../runtime/runtime.ts'
import type { PodDependencies } from './dependencies.ts'
import type { StoredPod } from './pod.ts'
import { makeDependencies, oneAddress } from './test-dependencies.ts'
import { PodWorker } from './worker.ts'

/** A node with the image "test:1". */
export class TestNode {
  readonly dataDir: string
  readonly runtime = new FakeRuntime()
  /** Addresses by sandbox. */
  readonly attached = new Map<string, string>()
  /** "Reason: message". */
  readonly events: string[] = []
  /** Pods that were taken off the API. */
  readonly deleted: StoredPod[] = []
  /** As they were reported, oldest first. */
  readonly statuses: PodStatus[] = []
  readonly deps: PodDependencies
  #stop = new AbortController()
  readonly #ends: Promise<void>[] = []
  #lastAddress = 1

  private constructor(dataDir: string) {
    this.dataDir = dataDir
    this.runtime.addImage('test:1')
    this.deps = makeDependencies({
      dataDir,
      runtime: this.runtime,
      network: {
        ...oneAddress,
        attach: async ({ sandboxId }) => ({ ips: [this.#addressOf(sandboxId)] }),
        detach: async (sandboxId) => void this.attached.delete(sandboxId),
      },
      statuses: {
        set: (_pod, status) => void this.statuses.push(status),
        flush: async () => undefined,
        forget: () => undefined,
      },
      emit: (_pod, { reason, message }) => void this.events.push(`${reason}: ${message}`),
      deletePod: async (pod) => void this.deleted.push(pod),
    })
  }

  static async create(): Promise<TestNode> {
    return new TestNode(await mkdtemp(join(tmpdir(), 'fairlead-worker-')))
  }

  start(pod: StoredPod): PodWorker {
    const worker = new PodWorker(this.deps, pod)
    this.#ends.push(worker.run(this.#stop.signal), this.#follow(worker, this.#stop.signal))
    return worker
  }

  /** The agent's end; what is started then is its next life's. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#ends)
    this.#stop = new AbortController()
  }

  async close(): Promise<void> {
    await this.stop()
    await rm(this.dataDir, { recursive: true, force: true })
  }

  /** The newest status. */
  get latest(): PodStatus {
    return this.statuses.at(-1) ?? {}
  }

  /** An app's newest status. */
  container(name = 'app'): ContainerStatus | undefined {
    return this.latest.containerStatuses?.find((status) => status.name === name)
  }

  async running(): Promise<Container[]> {
    return (await this.runtime.listContainers()).filter(({ state }) => state === 'running')
  }

  #addressOf(sandboxId: string): string {
    const ip = this.attached.get(sandboxId) ?? `10.244.0.${++this.#lastAddress}`
    this.attached.set(sandboxId, ip)
    return ip
  }

  async #follow(worker: PodWorker, signal: AbortSignal): Promise<void> {
    for await (const _event of this.runtime.events(signal)) worker.notice()
  }
}

/** Looks again and again until it holds. */
export const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 })
