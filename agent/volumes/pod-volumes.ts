// The volumes of the pods on this node, below <data-dir>/pods/<uid>. Promises: prepare may be called again at any time and
// after any crash; what it made is unmounted and removed by remove, also what an earlier life of the agent left.

import { chmod, chown, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container as ContainerTemplate, Pod, Volume, VolumeMount } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { listMountPoints } from '../../cni/linux/mounts.ts'
import { ifMissing } from '../../cni/linux/system-error.ts'
import { writePayload } from './atomic-writer.ts'
import type { DownwardFacts } from './downward.ts'
import { ensureHostPath } from './host-path.ts'
import { memoryVolumeBytes } from './memory-size.ts'
import { ensureTmpfs, unmountBelow } from './mount-points.ts'
import { ConfigError, type ObjectSource } from './objects.ts'
import { hasPayload, makePayload } from './payload.ts'
import { ensureSubPath } from './sub-path.ts'

/** A volume could not be made ready. */
export class VolumeError extends Error {
  readonly code = 'VOLUME'
  /** What the waiting containers of the pod show. */
  readonly waitingReason: string

  constructor(message: string, waitingReason = 'ContainerCreating', options?: ErrorOptions) {
    super(message, options)
    this.waitingReason = waitingReason
  }
}

/** One mount of a container, as a runtime is asked for it. */
export interface VolumeBinding {
  hostPath: string
  containerPath: string
  readOnly: boolean
  propagation?: 'private' | 'rslave' | 'rshared'
}

export interface PodVolumesOptions {
  dataDir: string
  objects: ObjectSource
}

export class PodVolumes {
  readonly #root: string
  readonly #objects: ObjectSource
  /** Work under way by pod uid: on one pod's files there is one at a time. */
  readonly #turns = new Map<string, Promise<void>>()

  constructor({ dataDir, objects }: PodVolumesOptions) {
    this.#root = join(dataDir, 'pods')
    this.#objects = objects
  }

  /** Where the pod's own files are. */
  podDirectory(podUid: string): string {
    return join(this.#root, podUid)
  }

  /** Makes every volume ready. Throws VolumeError. */
  async prepare(pod: Stored<Pod>, facts: DownwardFacts): Promise<void> {
    const { uid } = pod.metadata
    await this.#inTurn(uid, async () => {
      await mkdir(this.podDirectory(uid), { recursive: true, mode: 0o750 })
      await Promise.all((pod.spec.volumes ?? []).map((volume) => this.#prepareNamed(pod, volume, facts)))
    })
  }

  /** Brings ConfigMaps, Secrets and fields in mounted volumes up to date. */
  async refresh(pod: Stored<Pod>, facts: DownwardFacts): Promise<void> {
    const volumes = (pod.spec.volumes ?? []).filter(hasPayload)
    await this.#inTurn(pod.metadata.uid, async () => {
      await Promise.all(volumes.map((volume) => this.#prepareNamed(pod, volume, facts)))
    })
  }

  /** What the container's volumeMounts mean on this node; volumes must be ready. */
  async bindingsOf(
    pod: Stored<Pod>,
    { name, volumeMounts = [] }: ContainerTemplate,
    expandPath: (text: string) => string,
  ): Promise<VolumeBinding[]> {
    return await Promise.all(
      volumeMounts.map(async (mount, index) => {
        const volume = (pod.spec.volumes ?? []).find((candidate) => candidate.name === mount.name)
        if (volume === undefined) throw new ConfigError(`volume "${mount.name}" not found in the pod`)
        const root = volume.hostPath?.path ?? this.#directoryOf(pod, volume)
        const subPath = mount.subPathExpr ? expandPath(mount.subPathExpr) : mount.subPath
        const target = join(this.podDirectory(pod.metadata.uid), 'sub-paths', name, String(index))
        if (subPath) await ensureSubPath(root, subPath, target)
        const { mountPath: containerPath } = mount
        return { hostPath: subPath ? target : root, containerPath, ...accessOf(volume, mount) }
      }),
    )
  }

  /** Unmounts and removes everything of the pod. */
  async remove(podUid: string): Promise<void> {
    const directory = this.podDirectory(podUid)
    await this.#inTurn(podUid, async () => {
      await unmountBelow(directory)
      // Removing through a mount that stayed would delete what it shows, a hostPath for one.
      const left = listMountPoints(directory)
      if (left.length > 0) throw new VolumeError(`cannot remove ${directory}: still mounted: ${left.join(', ')}`)
      await rm(directory, { recursive: true, force: true })
    })
  }

  /** Uids of pods that have files here. */
  async listPods(): Promise<string[]> {
    return await readdir(this.#root).catch(() => []) // nothing yet
  }

  async #inTurn(podUid: string, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(podUid) ?? Promise.resolve()
    const turn = before.catch(() => undefined).then(work) // the one before has told its own caller
    this.#turns.set(podUid, turn)
    try {
      await turn
    } finally {
      if (this.#turns.get(podUid) === turn) this.#turns.delete(podUid)
    }
  }

  #directoryOf({ metadata }: Stored<Pod>, { name }: Volume): string {
    return join(this.podDirectory(metadata.uid), 'volumes', name)
  }

  async #prepareNamed(pod: Stored<Pod>, volume: Volume, facts: DownwardFacts): Promise<void> {
    try {
      await this.#prepareOne(pod, volume, facts)
    } catch (error) {
      if (error instanceof VolumeError) throw error
      const why = error instanceof Error ? error.message : String(error)
      const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${why}`
      throw new VolumeError(message, undefined, { cause: error })
    }
  }

  async #prepareOne(pod: Stored<Pod>, volume: Volume, facts: DownwardFacts): Promise<void> {
    const fsGroup = pod.spec.securityContext?.fsGroup
    if (volume.hostPath !== undefined) return await ensureHostPath(volume.hostPath)
    const directory = this.#directoryOf(pod, volume)
    if (volume.emptyDir !== undefined) {
      const { medium, sizeLimit } = volume.emptyDir
      const sizeBytes = memoryVolumeBytes(pod.spec, sizeLimit, facts.allocatable)
      return await makeEmptyDir(directory, { isInMemory: medium === 'Memory', sizeBytes }, fsGroup)
    }
    if (!hasPayload(volume)) throw unsupported(volume)
    const payload = await makePayload({ pod, objects: this.#objects, facts }, volume)
    await mkdir(directory, { recursive: true, mode: 0o755 })
    if (volume.secret !== undefined || volume.projected !== undefined) await ensureTmpfs(directory)
    await writePayload(directory, payload, fsGroup)
  }
}

/** Its mode and group are set once, before anybody sees it: later they are what the pod has made of them. */
async function makeEmptyDir(
  directory: string,
  { isInMemory, sizeBytes }: { isInMemory: boolean; sizeBytes: number | undefined },
  fsGroup: number | undefined,
): Promise<void> {
  // New files get the group too: the setgid bit.
  const mode = fsGroup === undefined ? 0o777 : 0o2777
  if (isInMemory) {
    await mkdir(directory, { recursive: true })
    return await ensureTmpfs(directory, { sizeBytes, mode, gid: fsGroup })
  }
  if ((await stat(directory).catch(ifMissing(undefined))) !== undefined) return
  // No volume's name has such a character.
  const begun = `${directory}~`
  await mkdir(begun, { recursive: true })
  if (fsGroup !== undefined) await chown(begun, 0, fsGroup)
  await chmod(begun, mode)
  await rename(begun, directory)
}

function unsupported(volume: Volume): VolumeError {
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'of no kind'
  return new VolumeError(`volume "${volume.name}": ${kind} is not supported yet`, 'VolumeNotSupported')
}

function accessOf(volume: Volume, { readOnly = false, mountPropagation }: VolumeMount) {
  const propagation = ({ HostToContainer: 'rslave', Bidirectional: 'rshared' } as const)[mountPropagation ?? '']
  // Volumes written by the agent are never written by containers: an update would be lost at the next swap.
  return { readOnly: readOnly || hasPayload(volume), ...(propagation && { propagation }) }
}
