// Starts one container: image, environment and mounts are made ready side by side, and the container is created while the
// pod's network is still being made; only the start itself waits for both.

import { type Container, type Mount, StartError } from '../runtime/runtime.ts'
import { isConfigError } from '../volumes/objects.ts'
import { VolumeError } from '../volumes/pod-volumes.ts'
import { makeContainerSpec } from './container-spec.ts'
import type { Waiting } from './container-status.ts'
import type { PodDependencies } from './dependencies.ts'
import { environmentNeedsIp, expand, makeEnvironment } from './environment.ts'
import { ImageError, type ImageEvent } from './image-puller.ts'
import type { Step } from './plan.ts'
import type { StoredPod } from './pod.ts'
import { makeFileMounts } from './pod-files.ts'

/** What the worker has under way for all containers of the pod. */
export interface PodPreparation {
  /** Volumes and files are ready. */
  prepared: Promise<void>
  /** The sandbox has its network; its addresses. */
  attached: Promise<readonly string[]>
  /** The pod ends: a start that waits for its image is given up. */
  ending: AbortSignal
}

/** The sandbox got no network; the worker reports it and makes a new one. */
export class SandboxError extends Error {
  readonly code = 'SANDBOX'
}

/** A container could not be started; the wait is shown in its status. */
export class ContainerRefused extends Error {
  readonly code = 'CONTAINER_REFUSED'
  readonly waiting: Waiting
  readonly retryAtMs: number

  constructor(waiting: Waiting, retryAtMs: number, cause: unknown) {
    super(waiting.message ?? waiting.reason, { cause })
    this.waiting = waiting
    this.retryAtMs = retryAtMs
  }
}

export type StartStep = Extract<Step, { do: 'startContainer' }>

const retryMs = 10_000

/** Creates and starts the container; onCreated hears of it in between. Throws ContainerRefused for what users must see. */
export async function startContainer(
  deps: PodDependencies,
  pod: StoredPod,
  step: StartStep,
  preparation: PodPreparation,
  onCreated: (container: Container) => void,
): Promise<string> {
  const { runtime, emit } = deps
  const container = step.template.name
  try {
    const { id, created } = await createContainer(deps, pod, step, preparation)
    emit(pod, { type: 'Normal', reason: 'Created', message: `Container created`, container })
    onCreated(created)
    await preparation.attached
    await runtime.startContainer(id)
    emit(pod, { type: 'Normal', reason: 'Started', message: `Container started`, container })
    return id
  } catch (error) {
    throw explain(deps, pod, container, error)
  }
}

async function createContainer(deps: PodDependencies, pod: StoredPod, step: StartStep, preparation: PodPreparation) {
  const { runtime, images, volumes, node } = deps
  const { template, sandbox, attempt, restartDelayMs } = step
  const emitImage: ImageEvent = (type, reason, message) =>
    deps.emit(pod, { type, reason, message, container: template.name })
  const needs = Promise.all([
    images.ensure(pod.metadata.uid, template, emitImage),
    environmentOf(deps, pod, step, preparation),
    preparation.prepared,
  ])
  const [image, environment] = await unlessAborted(needs, preparation.ending)
  const mounts: Mount[] = [
    ...(await makeFileMounts(volumes.podDirectory(pod.metadata.uid), template, attempt)),
    ...(await volumes.bindingsOf(pod, template, (path) => expand(path, (name) => environment.get(name)))),
  ]
  const { memoryBytes: nodeMemoryBytes } = node
  const spec = makeContainerSpec({
    pod,
    template,
    attempt,
    restartDelayMs,
    image,
    environment,
    mounts,
    nodeMemoryBytes,
  })
  const id = await runtime.createContainer(sandbox, spec)
  const { name, imageId, annotations } = spec
  const times = { createdAtMs: deps.now(), startedAtMs: 0, finishedAtMs: 0 }
  const outcome = { state: 'created' as const, exitCode: 0, reason: '', message: '' }
  const owner = { sandboxId: sandbox.id, pod: sandbox.pod, image: spec.image, imageId, annotations }
  return { id, created: { id, name, attempt, ...owner, ...times, ...outcome } }
}

/** Waits for the promise, but not beyond the signal. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(new SandboxError('the pod ends'))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function environmentOf(
  deps: PodDependencies,
  pod: StoredPod,
  { template }: StartStep,
  preparation: PodPreparation,
) {
  const { node, objects, serviceVariables } = deps
  const podIps = environmentNeedsIp(template) ? await preparation.attached : []
  const facts = { podIps, hostIps: node.ips, allocatable: node.allocatable }
  return await makeEnvironment({ pod, template, objects, facts, services: await serviceVariables(pod) })
}

/** Turns what went wrong into the words of Kubernetes, as event and as waiting reason. */
function explain(deps: PodDependencies, pod: StoredPod, container: string, error: unknown): ContainerRefused {
  const { emit, now } = deps
  const message = error instanceof Error ? error.message : String(error)
  const refuse = (reason: string, retryAtMs = now() + retryMs) =>
    new ContainerRefused({ reason, message }, retryAtMs, error)
  if (error instanceof SandboxError) return new ContainerRefused({ reason: 'ContainerCreating' }, now() + 1_000, error)
  if (error instanceof ImageError) return refuse(error.waitingReason, error.retryAtMs)
  if (error instanceof VolumeError) {
    emit(pod, { type: 'Warning', reason: 'FailedMount', message })
    return refuse(error.waitingReason, now() + 2_000)
  }
  if (isConfigError(error)) {
    emit(pod, { type: 'Warning', reason: 'Failed', message: `Error: ${message}`, container })
    return refuse('CreateContainerConfigError', now() + 5_000)
  }
  if (error instanceof StartError) {
    emit(pod, {
      type: 'Warning',
      reason: 'Failed',
      message: `Error: failed to start container "${container}": ${message}`,
      container,
    })
    // The container itself carries the failure: its back-off decides when it is tried again.
    return refuse('RunContainerError', now())
  }
  emit(pod, { type: 'Warning', reason: 'Failed', message: `Error: ${message}`, container })
  return refuse('CreateContainerError')
}
