// Ends pods before the kernel runs out of memory and chooses a process itself. One pod at a time: what it frees may be enough.

import { existsSync } from 'node:fs'
import { pause } from '../../api/client/alarm.ts'
import { leastMemoryBytes, type PressureGauge } from '../node/pressure.ts'
import type { Refusal } from '../pods/admission.ts'
import { cgroupDirectories, type PodCgroups } from '../pods/cgroups.ts'
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
/** So long a pod that was ended may take to give its memory back, volumes included, before another is chosen (kubelet's podCleanupTimeout). */
const settleMs = 30_000

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
      await this.#turn(signal).catch(this.#options.onError)
      await pause(lookMs, signal)
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const victim = await this.#look()
    if (victim !== undefined) await this.#awaitRelief(victim, signal)
  }

  /** Until nothing is left of the pod: its cgroups go last, after its volumes. Or until there is memory again. */
  async #awaitRelief(victim: StoredPod, signal: AbortSignal): Promise<void> {
    const directories = await cgroupDirectories(this.#options.cgroups, victim, 'memory')
    const endMs = performance.now() + settleMs
    while (!signal.aborted && performance.now() < endMs && directories.some((directory) => existsSync(directory))) {
      await pause(lookMs, signal)
      if (!(await this.#options.pressure.read()).memory) return
    }
  }

  /** The pod that it ended, if it had to. */
  async #look(): Promise<StoredPod | undefined> {
    const { pressure, cgroups, pods, evict } = this.#options
    const { memory, memoryAvailableBytes } = await pressure.read()
    if (!memory) return undefined
    const here = pods()
    this.#chosen = this.#chosen.intersection(new Set(here.map(({ metadata }) => metadata.uid)))
    const candidates = here.filter(({ metadata }) => !this.#chosen.has(metadata.uid))
    const usages = candidates.map(async (pod) => ({ pod, memoryBytes: await readWorkingSet(cgroups, pod) }))
    const victim = chooseVictim(await Promise.all(usages))
    if (victim === undefined) return undefined
    this.#chosen.add(victim.pod.metadata.uid)
    evict(victim.pod, describeEviction(victim, memoryAvailableBytes, leastMemoryBytes))
    await killProcesses(cgroups, victim.pod)
    return victim.pod
  }
}
