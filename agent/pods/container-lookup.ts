// Finds the containers and sandboxes that requests for logs, exec, attach and port-forward name.

import type { Pod } from '../../api/generated/types.ts'
import { badRequest } from '../../api/objects/status-error.ts'
import type { Container, Runtime } from '../runtime/runtime.ts'
import { latestOf, newestSandbox } from './plan.ts'
import { containerStatusesOf, findTemplate, type StoredPod } from './pod.ts'
import type { PodManager } from './pod-manager.ts'

/** A container as the runtime knows it, and how its streams were set up. */
export interface FoundContainer {
  id: string
  tty: boolean
  stdin: boolean
}

export interface ContainerLookupOptions {
  manager: Pick<PodManager, 'get' | 'reported'>
  runtime: Pick<Runtime, 'listContainers' | 'listSandboxes'>
}

export class ContainerLookup {
  readonly #options: ContainerLookupOptions

  constructor(options: ContainerLookupOptions) {
    this.#options = options
  }

  /** The newest instance, or the one before it. Undefined: no such pod or container. Throws a StatusError while it waits to be started. */
  async findContainer(
    namespace: string,
    podName: string,
    name: string,
    { previous = false }: { previous?: boolean } = {},
  ): Promise<FoundContainer | undefined> {
    const pod = this.#options.manager.get(`${namespace}/${podName}`)
    const template = pod && findTemplate(pod, name)?.template
    if (pod === undefined || template === undefined) return undefined
    const started = (await this.#options.runtime.listContainers(pod.metadata.uid)).filter(isStarted)
    const newest = latestOf(started, name)
    const found = previous && newest ? latestOf(started.filter(isBefore(newest)), name) : newest
    if (found === undefined) throw this.#refuse(pod, name, previous)
    return { id: found.id, tty: template.tty ?? false, stdin: template.stdin ?? false }
  }

  /** The pod's running sandbox. */
  async findSandbox(namespace: string, podName: string): Promise<{ id: string } | undefined> {
    const pod = this.#options.manager.get(`${namespace}/${podName}`)
    if (pod === undefined) return undefined
    const sandbox = newestSandbox(await this.#options.runtime.listSandboxes(pod.metadata.uid))
    return sandbox?.state === 'ready' ? { id: sandbox.id } : undefined
  }

  /** Every pod of the node with the status that was last reported. */
  pods(): Pod[] {
    return this.#options.manager.reported()
  }

  #refuse({ metadata }: StoredPod, name: string, previous: boolean): Error {
    const owner = `container "${name}" in pod "${metadata.name}"`
    if (previous) return badRequest(`previous terminated ${owner} not found`)
    const reported = this.#options.manager.reported().find((pod) => pod.metadata?.uid === metadata.uid)
    const statuses = containerStatusesOf(reported ?? {})
    const reason = statuses.find((status) => status.name === name)?.state?.waiting?.reason ?? 'ContainerCreating'
    const isImage = /Image/.test(reason)
    return badRequest(
      isImage
        ? `${owner} is waiting to start: trying and failing to pull image`
        : `${owner} is waiting to start: ${reason}`,
    )
  }
}

const isStarted = ({ state }: Container) => state !== 'created'
const isBefore =
  ({ attempt }: Container) =>
  (other: Container) =>
    other.attempt < attempt
