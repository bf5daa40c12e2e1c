// Ends pods before the kernel runs out of memory and chooses a process itself. One pod at a time: what it frees may be enough.

import { pause } from '../../api/client/work-queue.ts'
import { leastMemoryBytes, type Pressure, readAvailableMemory, readPressure } from '../node/pressure.ts'
import type { Refusal } from '../pods/admission.ts'
import type { PodCgroups } from '../pods/cgroups.ts'
import type { StoredPod } from '../pods/pod.ts'
import { chooseVictim, describeEviction, refuseUnderPressure } from './plan.ts'
import { readWorkingSet } from './usage.ts'

export interface EvictorOptions {
  dataDir: string
  cgroups: PodCgroups
  /** The pods of this node. */
  pods: () => readonly StoredPod[]
  /** Ends a pod at once; its status will say why. */
  evict: (pod: StoredPod, why: Refusal) => void
  onError: (error: unknown) => void
}

const lookMs = 3_000
/** Memory of a pod that was ended is free some time later. */
const settleMs = 10_000

export class Evictor {
  readonly #options: EvictorOptions
  #pressure: Pressure = { memory: false, disk: false, pids: false }

  constructor(options: EvictorOptions) {
    this.#options = options
  }

  /** Why no such pod is taken now, or undefined. */
  refuse(pod: StoredPod): Refusal | undefined {
    return refuseUnderPressure(pod, this.#pressure)
  }

  /** Watches the node until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const hasEvicted = await this.#look().catch((error: unknown) => {
        this.#options.onError(error)
        return false
      })
      await pause(hasEvicted ? settleMs : lookMs, signal)
    }
  }

  async #look(): Promise<boolean> {
    const { dataDir, cgroups, pods, evict } = this.#options
    this.#pressure = await readPressure(dataDir)
    if (!this.#pressure.memory) return false
    const usages = pods().map(async (pod) => ({ pod, memoryBytes: await readWorkingSet(cgroups, pod) }))
    const victim = chooseVictim(await Promise.all(usages))
    if (victim === undefined) return false
    evict(victim.pod, describeEviction(victim, await readAvailableMemory(), leastMemoryBytes))
    return true
  }
}
