// Runs pods on one Docker daemon. A pod is a pause container, which holds its namespaces, and app containers that join them.
//
// Every call is idempotent and survives a kill in its middle: containers have names that say what they are, so a second
// attempt meets the first's name and adopts or replaces what it finds. Nothing is kept but in the containers' labels; what
// is cached here (labels of sandboxes, ended containers) cannot change in Docker.
//
// A pod's start costs three calls for the sandbox (create, start, inspect for its pid) and two for each container.

import type { Duplex, Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode'
import {
  type Container,
  type ContainerSpec,
  type ContainerStats,
  type ExecOptions,
  type ExecSession,
  type Image,
  type LogOptions,
  NoSuchContainerError,
  type Runtime,
  type RuntimeEvent,
  type RuntimeVersion,
  type Sandbox,
  type SandboxSpec,
  StartError,
} from '../runtime/runtime.ts'
import { toCgroupParent } from './cgroup-parent.ts'
import { toContainerOptions, toSandboxOptions } from './create-options.ts'
import {
  type DockerClient,
  isAnswer,
  isStatus,
  makeDockerClient,
  messageOf,
  ofContainer,
  unless,
} from './docker-client.ts'
import { readEvents } from './events.ts'
import { findImage, listImages, pullImage } from './images.ts'
import { toContainer, toSandbox } from './inspect.ts'
import { type Labels, makeLabelFilter, sandboxIdLabel } from './labels.ts'
import { openLogs } from './logs.ts'
import { readLowestOomScoreAdj } from './oom-score.ts'
import { connectInNamespace } from './port-forward.ts'
import { openAttach, openExec, runExec } from './sessions.ts'
import { toStats } from './stats.ts'

export interface DockerRuntimeOptions {
  /** Path of the daemon's unix socket. */
  socketPath: string
  /** Present on the node, or pulled before the first sandbox. */
  pauseImage?: string
}

interface KnownSandbox {
  labels: Labels
  cgroupParent: string | undefined
}

/** A name may stay taken for a moment after its container is gone. */
const nameTries = 10
const nameRetryMs = 100

export class DockerRuntime implements Runtime {
  readonly #client: DockerClient
  readonly #pauseImage: string
  readonly #lowestOomScoreAdj = readLowestOomScoreAdj()
  #version: Promise<RuntimeVersion> | undefined
  readonly #sandboxes = new Map<string, KnownSandbox>()
  readonly #ended = new Map<string, Container>()

  constructor({ socketPath, pauseImage = 'fairlead/pause:1' }: DockerRuntimeOptions) {
    this.#client = makeDockerClient(socketPath)
    this.#pauseImage = pauseImage
  }

  async version(): Promise<RuntimeVersion> {
    this.#version ??= this.#readVersion()
    try {
      return await this.#version
    } catch (error) {
      this.#version = undefined
      throw error
    }
  }

  async createSandbox(spec: SandboxSpec): Promise<Sandbox> {
    const cgroupParent = await this.#cgroupParent(spec.cgroupParent)
    const options = toSandboxOptions(spec, this.#pauseImage, cgroupParent)
    const id = await this.#create(options, ({ State }) => State.Status === 'created' || State.Running)
    this.#sandboxes.set(id, { labels: options.Labels ?? {}, cgroupParent })
    await this.#start(id)
    return toSandbox(await this.#client.getContainer(id).inspect())
  }

  async stopSandbox(sandboxId: string): Promise<void> {
    const container = this.#client.getContainer(sandboxId)
    // The pause program has nothing to finish. 409: it does not run, and who waited then for a start of it would wait for its end.
    const killed = await unless(
      container.kill().then(() => true),
      404,
      409,
    )
    if (killed === true) await unless(container.wait(), 404)
  }

  async removeSandbox(sandboxId: string): Promise<void> {
    const filters = { label: [`${sandboxIdLabel}=${sandboxId}`] }
    const containers = await this.#client.listContainers({ all: true, filters })
    await Promise.all(containers.map(({ Id }) => this.removeContainer(Id)))
    await this.#remove(sandboxId)
    this.#sandboxes.delete(sandboxId)
  }

  async listSandboxes(podUid?: string): Promise<Sandbox[]> {
    const found = await this.#client.listContainers({ all: true, filters: makeLabelFilter('podsandbox', podUid) })
    return (await Promise.all(found.map(({ Id }) => this.#inspect(Id)))).flatMap((each) => each?.map(toSandbox) ?? [])
  }

  async createContainer(sandbox: Sandbox, spec: ContainerSpec): Promise<string> {
    const { labels, cgroupParent } = await this.#findSandbox(sandbox.id)
    const options = toContainerOptions(sandbox, labels, spec, cgroupParent)
    return await this.#create(options, ({ Config }) => Config.Labels[sandboxIdLabel] === sandbox.id)
  }

  async startContainer(containerId: string): Promise<void> {
    await this.#start(containerId)
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    await unless(this.#client.getContainer(containerId).stop({ t: Math.ceil(gracePeriodSeconds) }), 304, 404)
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.#remove(containerId)
    this.#ended.delete(containerId)
  }

  async listContainers(podUid?: string): Promise<Container[]> {
    const found = await this.#client.listContainers({ all: true, filters: makeLabelFilter('container', podUid) })
    const containers = await Promise.all(found.map(({ Id, State }) => this.#readContainer(Id, State)))
    return containers.filter((container) => container !== undefined)
  }

  listImages(): Promise<Image[]> {
    return listImages(this.#client)
  }

  findImage(reference: string): Promise<Image | undefined> {
    return findImage(this.#client, reference)
  }

  pullImage(reference: string, signal?: AbortSignal): Promise<Image> {
    return pullImage(this.#client, reference, signal)
  }

  async removeImage(imageId: string): Promise<void> {
    await unless(this.#client.getImage(imageId).remove(), 404)
  }

  exec(containerId: string, options: ExecOptions): Promise<ExecSession> {
    return openExec(this.#client, containerId, options)
  }

  execSync(containerId: string, command: string[], timeoutMs: number) {
    return runExec(this.#client, containerId, command, timeoutMs)
  }

  attach(containerId: string, options: { stdin: boolean; tty: boolean }): Promise<ExecSession> {
    return openAttach(this.#client, containerId, options)
  }

  logs(containerId: string, options: LogOptions): Promise<Readable> {
    return openLogs(this.#client, containerId, options)
  }

  async stats(containerId: string): Promise<ContainerStats> {
    const options = { stream: false, 'one-shot': true } as const
    return toStats(await ofContainer(containerId, this.#client.getContainer(containerId).stats(options)))
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const { State } = await ofContainer(sandboxId, this.#client.getContainer(sandboxId).inspect())
    if (!State.Running) throw new NoSuchContainerError(`sandbox ${sandboxId} is not running`)
    return await connectInNamespace(State.Pid, port)
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    // Whoever lost the last stream may meet another daemon: of another version, or with another driver of cgroups.
    this.#version = undefined
    return readEvents(this.#client, signal)
  }

  async #readVersion(): Promise<RuntimeVersion> {
    const [{ Version }, { CgroupDriver }] = await Promise.all([this.#client.version(), this.#client.info()])
    return { name: 'docker', version: Version, cgroupDriver: CgroupDriver === 'systemd' ? 'systemd' : 'cgroupfs' }
  }

  async #cgroupParent(path: string | undefined): Promise<string | undefined> {
    return path === undefined ? undefined : toCgroupParent(path, (await this.version()).cgroupDriver)
  }

  /** Creates it, or adopts what an earlier attempt left under its name; what cannot be used is replaced. */
  async #create(
    options: ContainerCreateOptions,
    isUsable: (existing: ContainerInspectInfo) => boolean,
  ): Promise<string> {
    const { OomScoreAdj = 0 } = options.HostConfig ?? {}
    const hostConfig = { ...options.HostConfig, OomScoreAdj: Math.max(OomScoreAdj, this.#lowestOomScoreAdj) }
    for (let tries = 1; ; tries++) {
      try {
        return (await this.#client.createContainer({ ...options, HostConfig: hostConfig })).id
      } catch (error) {
        if (!isStatus(error, 409) || tries === nameTries)
          throw new Error(`cannot create container ${options.name}: ${messageOf(error)}`, { cause: error })
      }
      const [existing] = (await this.#inspect(options.name ?? '')) ?? []
      if (existing === undefined) await wait(nameRetryMs)
      else if (isUsable(existing)) return existing.Id
      else await this.#remove(existing.Id)
    }
  }

  async #start(containerId: string): Promise<void> {
    try {
      await unless(ofContainer(containerId, this.#client.getContainer(containerId).start()), 304)
    } catch (error) {
      if (isAnswer(error)) throw new StartError(messageOf(error), { cause: error })
      throw error
    }
  }

  async #remove(containerId: string): Promise<void> {
    // 409: its removal is under way already.
    await unless(this.#client.getContainer(containerId).remove({ force: true, v: true }), 404, 409)
  }

  /** In an array, for flatMap; undefined when it is gone. */
  async #inspect(idOrName: string): Promise<ContainerInspectInfo[] | undefined> {
    const inspected = await unless(this.#client.getContainer(idOrName).inspect(), 404)
    return inspected && [inspected]
  }

  async #readContainer(id: string, state: string): Promise<Container | undefined> {
    const known = state === 'exited' ? this.#ended.get(id) : undefined
    if (known !== undefined) return known
    const [inspected] = (await this.#inspect(id)) ?? []
    const container = inspected && toContainer(inspected)
    if (inspected?.State.Status === 'exited' && container !== undefined) this.#ended.set(id, container)
    return container
  }

  async #findSandbox(sandboxId: string): Promise<KnownSandbox> {
    const known = this.#sandboxes.get(sandboxId)
    if (known !== undefined) return known
    const { Config, HostConfig } = await ofContainer(sandboxId, this.#client.getContainer(sandboxId).inspect())
    const found = { labels: Config.Labels, cgroupParent: HostConfig.CgroupParent }
    this.#sandboxes.set(sandboxId, found)
    return found
  }
}
