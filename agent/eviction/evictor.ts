// Ends pods before the kernel runs out of memory and chooses a process itself. One pod at a time: what it frees may be enough.

import { pause } from '../../api/client/alarm.ts'
import { leastMemoryBytes, type PressureGauge } from '../node/pressure.ts'
import type { Refusal } from '../pods/admission.ts'
import type { PodCgroups } from '../pods/cgroups.ts'
import type { StoredPod } from '../pods/pod.ts'
import { killProcesses } from './kill.ts'
import { chooseVictim, describeEviction, refuseUnderPressure } from './plan.ts'
import { readWorkingSet } from './usage.ts'

export interface EvictorOptions {
  pressure: Pick<PressureGauge, 'read' | 'last'>
  cgroups: PodCgroups
  /** The pods of this node. */
  pods: () => readonly StoredPod[]
  /** Ends a pod at once; its status will say why. */
  evict: (pod: StoredPod, why: Refusal) => void
  onError: (error: unknown) => void
}

/** Often, as a pod may take tens of megabytes a second; a look reads four small files. */
const lookMs = 1_000
/** Memory of a pod that was ended is free some time later. */
const settleMs = 10_000

export class Evictor {
  readonly #options: EvictorOptions
  /** By uid: those that were chosen and are not gone. One that takes long to end keeps no other from being chosen. */
  #chosen = new Set<string>()

  constructor(options: EvictorOptions) {
    this.#options = options
  }

  /** Why no such pod is taken now, or undefined. */
  refuse(pod: StoredPod): Refusal | undefined {
    return refuseUnderPressure(pod, this.#options.pressure.last)
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
    const { pressure, cgroups, pods, evict } = this.#options
    const { memory, memoryAvailableBytes } = await pressure.read()
    if (!memory) return false
    const here = pods()
    this.#chosen = this.#chosen.intersection(new Set(here.map(({ metadata }) => metadata.uid)))
    const candidates = here.filter(({ metadata }) => !this.#chosen.has(metadata.uid))
    const usages = candidates.map(async (pod) => ({ pod, memoryBytes: await readWorkingSet(cgroups, pod) }))
    const victim = chooseVictim(await Promise.all(usages))
    if (victim === undefined) return false
    this.#chosen.add(victim.pod.metadata.uid)
    evict(victim.pod, describeEviction(victim, memoryAvailableBytes, leastMemoryBytes))
    await killProcesses(cgroups, victim.pod)
    return true
  }
}
