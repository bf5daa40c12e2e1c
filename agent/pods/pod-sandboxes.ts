// A pod's sandboxes: made, joined to the pod network, stopped.

import type { Sandbox } from '../runtime/runtime.ts'
import { cgroupOf } from './cgroups.ts'
import { SandboxError } from './container-starter.ts'
import { newestSandbox, sandboxKey } from './plan.ts'
import { identityOf } from './pod.ts'
import type { PodContext } from './pod-context.ts'
import { writeNetworkFiles } from './pod-files.ts'
import type { PreparedVolumes } from './prepared-volumes.ts'
import { bandwidthOf, makeSandboxSpec, portMappingsOf } from './sandbox-spec.ts'

const retryMs = 1_000
const maxRetryMs = 30_000

export class PodSandboxes {
  readonly #context: PodContext
  readonly #volumes: PreparedVolumes
  /** Sandboxes that are being stopped: they get no network any more. */
  readonly #doomed = new Set<string>()
  readonly #stopped = new Set<string>()
  /** Addresses of a sandbox, whose network is made or being made. */
  readonly #attachments = new Map<string, Promise<readonly string[]>>()
  readonly #ips = new Map<string, readonly string[]>()

  constructor(context: PodContext, volumes: PreparedVolumes) {
    this.#context = context
    this.#volumes = volumes
  }

  /** All that are known; to those that were given up no container is given any more. */
  get usable(): readonly Sandbox[] {
    return this.#context.observed.sandboxes.map((known) =>
      this.#doomed.has(known.id) ? { ...known, state: 'notReady' } : known,
    )
  }

  /** Those that were stopped with all that belongs to them, by id. */
  get stopped(): ReadonlySet<string> {
    return this.#stopped
  }

  /** The pod's addresses; none before it has its network. */
  get ips(): readonly string[] {
    const sandbox = newestSandbox(this.#context.observed.sandboxes)
    return (sandbox?.state === 'ready' && this.#ips.get(sandbox.id)) || []
  }

  isDoomed(id: string): boolean {
    return this.#doomed.has(id)
  }

  /** Makes a sandbox, and begins to make its network and the pod's volumes. */
  async create(attempt: number): Promise<void> {
    const { deps, pod, observed } = this.#context
    if (attempt > 0 && observed.containers.length > 0)
      deps.emit(pod(), {
        type: 'Normal',
        reason: 'SandboxChanged',
        message: 'Pod sandbox changed, it will be killed and re-created.',
      })
    this.#volumes.begin()
    try {
      const parent = cgroupOf(deps.node.cgroups, pod())
      const sandbox = await deps.runtime.createSandbox(makeSandboxSpec(pod(), attempt, parent, deps.node.name))
      observed.putSandbox(sandbox)
      this.join(sandbox)
    } catch (error) {
      this.#emitFailure(error)
      throw error
    }
  }

  /** attached() for who does not need the addresses now: a failure reports itself, and the starts that wait for it fail. */
  join(sandbox: Sandbox): void {
    this.attached(sandbox).catch(() => undefined) // thrown again to the starts that wait for it
  }

  /** The sandbox's addresses, once it has its network. A sandbox without one is given up. */
  attached(sandbox: Sandbox): Promise<readonly string[]> {
    const known = this.#attachments.get(sandbox.id)
    if (known !== undefined) return known
    if (this.#doomed.has(sandbox.id)) return Promise.reject(new SandboxError(`sandbox ${sandbox.id} is being stopped`))
    const attachment = this.#attach(sandbox).catch((error: unknown) => {
      throw new SandboxError(error instanceof Error ? error.message : String(error), { cause: error })
    })
    this.#attachments.set(sandbox.id, attachment)
    attachment
      .then(
        (ips) => void this.#ips.set(sandbox.id, ips),
        (error: unknown) => this.#giveUp(sandbox, error),
      )
      .finally(this.#context.wake)
    return attachment
  }

  async #attach(sandbox: Sandbox): Promise<readonly string[]> {
    const { deps, pod } = this.#context
    const { network, node, policy, volumes } = deps
    let ips: readonly string[] = node.ips
    if (sandbox.network === 'pod') {
      const netns = `/proc/${sandbox.pid}/ns/net`
      const portMappings = portMappingsOf(pod())
      const bandwidth = bandwidthOf(pod())
      const request = { sandboxId: sandbox.id, pod: identityOf(pod()), netns, portMappings, bandwidth }
      ips = (await network.attach(request)).ips
      await policy.admit({ sandboxId: sandbox.id, pod: pod(), ips })
    }
    // After the volumes, with which the same files are written without addresses.
    await this.#volumes.settled()
    await writeNetworkFiles(volumes.podDirectory(pod().metadata.uid), pod(), ips, node.dns)
    return ips
  }

  #giveUp(sandbox: Sandbox, error: unknown): void {
    const { deps, jobs } = this.#context
    this.#emitFailure(error)
    this.#attachments.delete(sandbox.id)
    this.#doomed.add(sandbox.id)
    jobs.postpone(sandboxKey, deps.now() + Math.min(retryMs * 2 ** sandbox.attempt, maxRetryMs))
  }

  #emitFailure(error: unknown): void {
    const { deps, pod } = this.#context
    const why = error instanceof Error ? error.message : String(error)
    const message = `Failed to create pod sandbox: ${why}`
    deps.emit(pod(), { type: 'Warning', reason: 'FailedCreatePodSandBox', message })
  }

  /** Takes the network away and ends the sandbox. */
  async stop(sandbox: Sandbox): Promise<void> {
    const { deps, observed } = this.#context
    this.#doomed.add(sandbox.id)
    await this.#attachments.get(sandbox.id)?.catch(() => undefined) // whether it was made or not: it goes
    // Detach first: once the pause process is gone, so is the namespace that DEL would clean.
    if (sandbox.network === 'pod') await deps.network.detach(sandbox.id)
    deps.policy.release(sandbox.id)
    await deps.runtime.stopSandbox(sandbox.id)
    this.#stopped.add(sandbox.id)
    this.#attachments.delete(sandbox.id)
    this.#ips.delete(sandbox.id)
    observed.markSandboxStopped(sandbox.id)
    observed.notice()
  }
}
