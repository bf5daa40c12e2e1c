// What the runtime has of one pod, as far as its worker knows: our own jobs write down what they did, and everything is listed
// anew when something else may have changed it.

import type { Container, Sandbox } from '../runtime/runtime.ts'
import type { PodDependencies } from './dependencies.ts'
import { OomKills } from './oom-kills.ts'
import { findTemplate, type StoredPod } from './pod.ts'
import { readTerminationMessage } from './pod-files.ts'

export class ObservedPod {
  readonly #deps: PodDependencies
  readonly #onNotice: () => void
  readonly #messages = new Map<string, string>()
  readonly #oomKills: OomKills
  #sandboxes: readonly Sandbox[] = []
  #containers: readonly Container[] = []
  #dirtySinceMs: number | undefined = 0
  #version = 0

  /** onNotice: what is known may be wrong from now on. */
  constructor(deps: PodDependencies, onNotice: () => void) {
    this.#deps = deps
    this.#onNotice = onNotice
    this.#oomKills = new OomKills(deps.node.cgroups)
  }

  get sandboxes(): readonly Sandbox[] {
    return this.#sandboxes
  }

  get containers(): readonly Container[] {
    return this.#containers
  }

  /** What ended containers left to say, by id. */
  get terminationMessages(): ReadonlyMap<string, string> {
    return this.#messages
  }

  /** Since when the runtime may have something else, in milliseconds since the epoch; undefined while it has not. */
  get dirtySinceMs(): number | undefined {
    return this.#dirtySinceMs
  }

  /** Something happened to the pod's sandbox or containers. */
  notice(): void {
    this.#dirtySinceMs ??= this.#deps.now()
    this.#onNotice()
  }

  /** The next look is due now, whatever else is under way. */
  noticeAtOnce(): void {
    this.#dirtySinceMs = 0
  }

  /** A list that is being taken is not believed: it may show what was before our own job. */
  distrust(): void {
    this.#version++
  }

  putSandbox(sandbox: Sandbox): void {
    this.#sandboxes = [...this.#sandboxes.filter(({ id }) => id !== sandbox.id), sandbox]
  }

  markSandboxStopped(id: string): void {
    this.#sandboxes = this.#sandboxes.map((known) => (known.id === id ? { ...known, state: 'notReady' } : known))
  }

  putContainer(container: Container): void {
    this.distrust()
    this.#containers = [...this.#containers.filter(({ id }) => id !== container.id), container]
  }

  markContainerStarted(id: string): void {
    const startedAtMs = this.#deps.now()
    this.#containers = this.#containers.map((known) =>
      known.id === id && known.state === 'created' ? { ...known, state: 'running', startedAtMs } : known,
    )
  }

  dropContainer(id: string): void {
    this.#containers = this.#containers.filter((known) => known.id !== id)
    this.#messages.delete(id)
    this.#oomKills.forget(id)
  }

  /** True when the runtime has something else than is known, though no event told of it. */
  differsFrom(sandboxes: readonly Sandbox[], containers: readonly Container[]): boolean {
    return signOf(sandboxes) !== signOf(this.#sandboxes) || signOf(containers) !== signOf(this.#containers)
  }

  /** Lists what the runtime has. False when a job changed it meanwhile: another look is then due. */
  async look(pod: StoredPod): Promise<boolean> {
    const { runtime, now } = this.#deps
    const { uid } = pod.metadata
    const version = this.#version
    this.#dirtySinceMs = undefined
    const list = Promise.all([
      runtime.listSandboxes(uid),
      runtime.listContainers(uid).then((containers) => this.#oomKills.explain(pod, containers)),
    ])
    const [sandboxes, containers] = await list.catch((error: unknown) => {
      this.#dirtySinceMs = now()
      throw error
    })
    if (version !== this.#version) {
      this.notice()
      return false
    }
    this.#sandboxes = sandboxes
    this.#containers = containers
    return true
  }

  /** Reads the termination messages of containers that have ended since the last time. */
  async readMessages(pod: StoredPod): Promise<void> {
    for (const container of this.#containers)
      if (container.state === 'exited' && !this.#messages.has(container.id))
        this.#messages.set(container.id, (await this.#readMessage(pod, container)) ?? '')
  }

  async #readMessage(pod: StoredPod, { id, name, attempt, exitCode }: Container): Promise<string | undefined> {
    const { volumes } = this.#deps
    const message = await readTerminationMessage(volumes.podDirectory(pod.metadata.uid), name, attempt)
    const policy = findTemplate(pod, name)?.template.terminationMessagePolicy
    if (message !== undefined || policy !== 'FallbackToLogsOnError' || exitCode === 0) return message
    return await this.#readLogEnd(id).catch(
      (error: Error) => `Error on reading termination message from logs: ${error.message}`,
    )
  }

  async #readLogEnd(containerId: string): Promise<string> {
    const log = await this.#deps.runtime.logs(containerId, { follow: false, tailLines: 80, timestamps: false })
    let text = ''
    for await (const chunk of log) text += String(chunk)
    return text.slice(-2048)
  }
}

function signOf(things: readonly (Sandbox | Container)[]): string {
  const states = things.map(({ id, state }) => `${id} ${state}`)
  return states.sort().join('\n')
}
