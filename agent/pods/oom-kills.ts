// Containers that the kernel killed for memory and Docker did not hear of. In cgroup v2 Docker's OOMKilled comes by a watch on a
// file of the container's cgroup, which goes with the container: of one that fills its memory in its first second or two
// Docker 20.10 says only that it ended with 137. The pod's own cgroup outlives its containers and counts with them (memory.events in
// https://docs.kernel.org/admin-guide/cgroup-v2.html). In cgroup v1 Docker's word stands.

import { join } from 'node:path'
import type { Container } from '../runtime/runtime.ts'
import { cgroupDirectories, type PodCgroups, readCgroupFile } from './cgroups.ts'
import { containerStatusesOf, type StoredPod } from './pod.ts'

const sigkillExitCode = 137

/** Of one pod. */
export class OomKills {
  readonly #cgroups: PodCgroups
  /** Ended containers by id: whether the kernel killed them. */
  readonly #judged = new Map<string, boolean>()
  /** How many kills are explained; undefined before the first look. */
  #count: number | undefined

  constructor(cgroups: PodCgroups) {
    this.#cgroups = cgroups
  }

  /** The containers with the reason "OOMKilled" where it is missing. Of those that ended before the first look the API knows. */
  async explain(pod: StoredPod, containers: readonly Container[]): Promise<Container[]> {
    const isFirst = this.#count === undefined
    const ended = containers.filter(({ id, state }) => state === 'exited' && !this.#judged.has(id))
    // A pod that is new has no cgroup yet, and nothing to ask about.
    const isDue = isFirst ? containers.length > 0 : ended.some(isSuspect)
    const count = isDue ? await countKills(this.#cgroups, pod) : (this.#count ?? 0)
    const told = isFirst ? toldKills(pod) : undefined
    // It begins at 0 again where an empty cgroup went and came back.
    const hasKilled = count > 0 && count !== this.#count
    for (const container of ended)
      this.#judged.set(container.id, isSuspect(container) && (told?.has(container.id) ?? hasKilled))
    this.#count = count
    return containers.map((each) => (this.#judged.get(each.id) ? { ...each, reason: 'OOMKilled' } : each))
  }

  forget(containerId: string): void {
    this.#judged.delete(containerId)
  }
}

const isSuspect = ({ exitCode, reason }: Container) => exitCode === sigkillExitCode && reason === 'Error'

/** Kills in the pod's cgroup and all below it, of whatever was there before, too; 0 where nothing counts them. */
async function countKills(cgroups: PodCgroups, pod: StoredPod): Promise<number> {
  const directories = await cgroupDirectories(cgroups, pod, 'memory')
  const texts = directories.map((path) => readCgroupFile(join(path, 'memory.events')))
  const counts = (await Promise.all(texts)).map((text = '') => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0))
  return Math.max(0, ...counts)
}

/** Ids of containers that the API has as killed for memory. */
function toldKills(pod: StoredPod): Set<string> {
  const ends = containerStatusesOf(pod).flatMap(({ state, lastState }) => [state?.terminated, lastState?.terminated])
  const killed = ends.filter((end) => end?.reason === 'OOMKilled')
  return new Set(killed.map((end) => end?.containerID?.replace('docker://', '') ?? ''))
}
