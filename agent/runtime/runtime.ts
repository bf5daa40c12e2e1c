// What the agent needs of a container runtime, shaped like CRI (https://github.com/kubernetes/cri-api) and free of
// Docker's words. agent/docker implements it; fake-runtime.ts behaves like it; both pass runtime.cases.ts.
//
// Every call is idempotent: asking for what already holds is not an error, stopping what is gone succeeds. Calls for
// different pods may overlap. The runtime keeps all that it needs in the containers' own labels, so an agent that
// starts again finds everything by list calls.

import type { Duplex, Readable } from 'node:stream'

/** Whose sandbox or container it is: io.kubernetes.pod.* labels. */
export interface PodIdentity {
  name: string
  namespace: string
  uid: string
}

export interface SandboxSpec {
  pod: PodIdentity
  /** Counts sandboxes of the same pod; part of the container's name. */
  attempt: number
  hostname: string
  /** "node": the host's network, no CNI. "pod": its own, empty until CNI fills it. */
  network: 'pod' | 'node'
  hostPid: boolean
  hostIpc: boolean
  /** Containers of the pod see each other's processes. */
  sharePid: boolean
  /** Path below the cgroup root, such as "/kubepods/burstable/pod<uid>"; the runtime makes it. */
  cgroupParent?: string
  sysctls: Record<string, string>
  annotations: Record<string, string>
  labels: Record<string, string>
}

export interface Sandbox {
  id: string
  pod: PodIdentity
  attempt: number
  state: 'ready' | 'notReady'
  network: 'pod' | 'node'
  /** Milliseconds since the epoch. */
  createdAtMs: number
  /** Process id of the pause process, in the host's pid namespace; absent when not running. Its network namespace is /proc/<pid>/ns/net. */
  pid?: number
}

export interface Mount {
  hostPath: string
  containerPath: string
  readOnly: boolean
  propagation?: 'private' | 'rslave' | 'rshared'
}

export interface ContainerResources {
  /** cgroup cpu.shares, 2 or more. */
  cpuShares?: number
  /** CFS quota in microseconds per period of 100 ms. */
  cpuQuotaUs?: number
  memoryLimitBytes?: number
  oomScoreAdj?: number
}

export interface SecurityOptions {
  privileged?: boolean
  /** "uid", "uid:gid" or a user's name; the image's own when absent. */
  user?: string
  supplementalGroups?: number[]
  readOnlyRootFilesystem?: boolean
  addCapabilities?: string[]
  dropCapabilities?: string[]
  noNewPrivileges?: boolean
}

export interface ContainerSpec {
  name: string
  /** Counts restarts; part of the container's name. */
  attempt: number
  /** A reference that is present: ensureImage has returned it. */
  imageId: string
  /** As the pod names it, for status. */
  image: string
  /** Replaces the image's entry point; undefined keeps it. */
  command?: string[]
  args?: string[]
  env: { name: string; value: string }[]
  workingDir?: string
  mounts: Mount[]
  tty: boolean
  stdin: boolean
  stdinOnce: boolean
  resources: ContainerResources
  security: SecurityOptions
  /** Bind-mounted over /etc/hosts and /etc/resolv.conf of every container of the pod by the caller, through mounts. */
  labels: Record<string, string>
  annotations: Record<string, string>
  /** Log file's rotation. */
  logMaxSizeBytes?: number
  logMaxFiles?: number
}

export type ContainerState = 'created' | 'running' | 'exited'

export interface Container {
  id: string
  sandboxId: string
  pod: PodIdentity
  name: string
  attempt: number
  image: string
  imageId: string
  state: ContainerState
  createdAtMs: number
  /** 0 until started. */
  startedAtMs: number
  finishedAtMs: number
  exitCode: number
  /** "OOMKilled", "ContainerCannotRun", "Completed", "Error", or "" while it has not ended. */
  reason: string
  /** Why it could not be started, in the runtime's words. */
  message: string
  annotations: Record<string, string>
}

export interface Image {
  id: string
  tags: string[]
  digests: string[]
  sizeBytes: number
  /** User of the image's config, such as "1000" or "nobody:nogroup"; "" is root. */
  user: string
}

export interface RuntimeVersion {
  /** Such as "docker". */
  name: string
  version: string
  cgroupDriver: 'cgroupfs' | 'systemd'
}

/** Something happened to a pod's sandbox or container: look again. */
export interface RuntimeEvent {
  pod: PodIdentity
}

export interface ExecOptions {
  command: string[]
  stdin: boolean
  tty: boolean
}

/** A process in a container. With a tty, stderr is empty and all goes to stdout. */
export interface ExecSession {
  stdin: NodeJS.WritableStream
  stdout: Readable
  stderr: Readable
  resize(columns: number, rows: number): Promise<void>
  /** Resolves with the exit code when the process ends. */
  exitCode: Promise<number>
  /** Closes the streams; the process hears of it as a hang-up. */
  close(): void
}

export interface LogOptions {
  follow: boolean
  /** Lines from the end; absent: all. */
  tailLines?: number
  /** Milliseconds since the epoch. */
  sinceMs?: number
  timestamps: boolean
  /** Which streams; absent: both. */
  stream?: 'stdout' | 'stderr'
  limitBytes?: number
}

export interface ContainerStats {
  /** CPU time used since the start, in nanoseconds. */
  cpuNanoseconds: number
  /** Memory that cannot be reclaimed at once. */
  workingSetBytes: number
}

export interface Runtime {
  version(): Promise<RuntimeVersion>

  /** Makes and starts the pause container, without a network of its own to speak of: CNI comes after. */
  createSandbox(spec: SandboxSpec): Promise<Sandbox>
  /** Kills every process of the sandbox's pause container. Its network namespace goes: run CNI DEL before. */
  stopSandbox(sandboxId: string): Promise<void>
  /** Removes the stopped sandbox and all containers in it. */
  removeSandbox(sandboxId: string): Promise<void>
  listSandboxes(podUid?: string): Promise<Sandbox[]>

  /** Creates a container in the sandbox's namespaces, but does not start it. */
  createContainer(sandbox: Sandbox, spec: ContainerSpec): Promise<string>
  /** Throws StartError when the process cannot be run (no such command, no permission). */
  startContainer(containerId: string): Promise<void>
  /** SIGTERM (or the image's stop signal), and SIGKILL after the grace period. Returns when the container has ended. */
  stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void>
  removeContainer(containerId: string): Promise<void>
  listContainers(podUid?: string): Promise<Container[]>

  listImages(): Promise<Image[]>
  /** The image if it is there; reads nothing from any registry. Throws InvalidImageNameError. */
  findImage(reference: string): Promise<Image | undefined>
  /** Pulls from the reference's registry. Throws ImagePullError with the registry's reason, or InvalidImageNameError. */
  pullImage(reference: string, signal?: AbortSignal): Promise<Image>
  removeImage(imageId: string): Promise<void>

  exec(containerId: string, options: ExecOptions): Promise<ExecSession>
  /** Runs to the end or to the time limit. output holds stdout and stderr, at most 10 kB of it. */
  execSync(
    containerId: string,
    command: string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }>
  attach(containerId: string, options: { stdin: boolean; tty: boolean }): Promise<ExecSession>
  logs(containerId: string, options: LogOptions): Promise<Readable>
  stats(containerId: string): Promise<ContainerStats>
  /** A connection to a port inside the sandbox's network namespace, on its loopback address. */
  portForward(sandboxId: string, port: number): Promise<Duplex>

  /** Every change of sandboxes and containers of ours, from now on; throws when the connection to the runtime is lost. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>
}

/** The process could not be started; the container stays, exited. */
export class StartError extends Error {
  readonly code = 'START_FAILED'
}

/** The image could not be had. */
export class ImagePullError extends Error {
  readonly code = 'IMAGE_PULL_FAILED'
}

/** No image can have such a name. */
export class InvalidImageNameError extends Error {
  readonly code = 'INVALID_IMAGE_NAME'
}

/** The container or sandbox asked for is not there. */
export class NoSuchContainerError extends Error {
  readonly code = 'NO_SUCH_CONTAINER'
}
