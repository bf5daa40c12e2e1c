// Volumes and network files of a pod: made once before its first container starts, and kept as the API has them.

import type { PodContext } from './pod-context.ts'
import { ensureNetworkFiles } from './pod-files.ts'

const retryMs = 2_000

export class PreparedVolumes {
  readonly #context: PodContext
  readonly #podIps: () => readonly string[]
  #prepared: Promise<void> | undefined
  /** The API has something newer than the volumes show. */
  #isStale = false

  constructor(context: PodContext, podIps: () => readonly string[]) {
    this.#context = context
    this.#podIps = podIps
  }

  /** Makes them, or joins in. A failure is the caller's; some time later another call begins anew. */
  prepare(): Promise<void> {
    if (this.#prepared !== undefined) return this.#prepared
    const { deps, pod } = this.#context
    const { volumes, node } = deps
    const directory = volumes.podDirectory(pod().metadata.uid)
    const prepared = volumes.prepare(pod(), this.#facts()).then(() => ensureNetworkFiles(directory, pod(), node.dns))
    this.#prepared = prepared
    prepared.catch(() => {
      setTimeout(() => {
        if (this.#prepared === prepared) this.#prepared = undefined
      }, retryMs - 100).unref()
    })
    return prepared
  }

  /** prepare() for who does not need the volumes now: a container's start reports what went wrong. */
  begin(): void {
    this.prepare().catch(() => undefined) // thrown again to the container's start
  }

  /** Resolves when nothing is being prepared, whatever became of it. */
  async settled(): Promise<void> {
    await this.#prepared?.catch(() => undefined) // thrown to who prepares
  }

  /** An object that the volumes show has changed. */
  markStale(): void {
    this.#isStale = true
  }

  /** Writes what has changed. What changes meanwhile is written right after; a failure is tried again. */
  refresh(): void {
    const { deps, pod, jobs, ending } = this.#context
    if (!this.#isStale || this.#prepared === undefined || ending.aborted) return
    jobs.start('refresh', async () => {
      while (this.#isStale) {
        await this.#prepared
        this.#isStale = false
        await deps.volumes.refresh(pod(), this.#facts()).catch((error: unknown) => {
          this.#isStale = true
          throw error
        })
      }
    })
  }

  /** Removes them. */
  async remove(): Promise<void> {
    this.#prepared = undefined
    await this.#context.deps.volumes.remove(this.#context.pod().metadata.uid)
  }

  #facts() {
    const { ips: hostIps, allocatable } = this.#context.deps.node
    return { podIps: this.#podIps(), hostIps, allocatable }
  }
}
