// A Runtime in memory that behaves: containers run small programs (fake-process.ts), end, log, and raise events. Tests end
// containers, lose sandboxes, and make pulls fail through its extra methods. It passes the same cases as Docker.

import { type Duplex, PassThrough, type Readable } from 'node:stream'
import { EventHub } from './event-hub.ts'
import { FakeLog } from './fake-logs.ts'
import { type FakeProgram, makePrograms, RunningProcess } from './fake-process.ts'
import {
  type Container,
  type ContainerSpec,
  type ContainerStats,
  type ExecOptions,
  type ExecSession,
  type Image,
  ImagePullError,
  InvalidImageNameError,
  type LogOptions,
  NoSuchContainerError,
  type Runtime,
  type RuntimeEvent,
  type RuntimeVersion,
  type Sandbox,
  type SandboxSpec,
  StartError,
} from './runtime.ts'

interface FakeContainer extends Container {
  spec: ContainerSpec
  log: FakeLog
  process?: RunningProcess
}

export interface FakeRuntimeOptions {
  /** Milliseconds since the epoch. */
  now?: () => number
}

/** What a test's fake image of this name is. */
const makeFakeImage = (reference: string): Image => ({
  id: `sha256:${Buffer.from(reference).toString('hex').padEnd(64, '0').slice(0, 64)}`,
  tags: [reference],
  digests: [],
  sizeBytes: 1_000_000,
  user: '',
})

export class FakeRuntime implements Runtime {
  /** What containers can run, by the first word of the command; others end as StartError. Images run "serve" by default. */
  readonly programs: Map<string, FakeProgram> = makePrograms()
  /** What was asked to be pulled, in order. */
  readonly pulls: string[] = []
  /** Specs of all sandboxes and containers ever made, in order, for assertions. */
  readonly sandboxSpecs: SandboxSpec[] = []
  readonly containerSpecs: ContainerSpec[] = []

  readonly #now: () => number
  readonly #sandboxes = new Map<string, Sandbox>()
  readonly #containers = new Map<string, FakeContainer>()
  readonly #images = new Map<string, Image>()
  readonly #pullFailures = new Map<string, string>()
  readonly #ports = new Map<string, () => Duplex>()
  readonly #hub = new EventHub()
  #lastId = 0

  constructor({ now = Date.now }: FakeRuntimeOptions = {}) {
    this.#now = now
  }

  // What tests do.

  /** The image is on the node from now on. */
  addImage(reference: string, image: Partial<Image> = {}): Image {
    const full = { ...makeFakeImage(reference), ...image }
    this.#images.set(reference, full)
    return full
  }

  /** Pulls of this reference throw ImagePullError; without a message they succeed again. */
  failPull(reference: string, message?: string): void {
    if (message === undefined) this.#pullFailures.delete(reference)
    else this.#pullFailures.set(reference, message)
  }

  /** Ends a running container as if its process had ended by itself. */
  async endContainer(containerId: string, exitCode: number, { oomKilled = false } = {}): Promise<void> {
    const container = this.#running(containerId)
    if (oomKilled) container.reason = 'OOMKilled'
    container.process?.end(exitCode)
    await container.process?.exitCode
  }

  /** The pause process dies; containers without a shared pid namespace live on, as with Docker. */
  killSandbox(sandboxId: string): void {
    const sandbox = this.#sandbox(sandboxId)
    sandbox.state = 'notReady'
    delete sandbox.pid
    this.#changed(sandbox)
  }

  /** What portForward to this port of any sandbox connects to. */
  servePort(port: number, connect: () => Duplex): void {
    this.#ports.set(String(port), connect)
  }

  /** Says "look again" for a pod without any change. */
  raiseEvent(event: RuntimeEvent): void {
    this.#hub.publish(event)
  }

  // Runtime.

  async version(): Promise<RuntimeVersion> {
    return { name: 'fake', version: '1.0.0', cgroupDriver: 'cgroupfs' }
  }

  async createSandbox(spec: SandboxSpec): Promise<Sandbox> {
    const same = [...this.#sandboxes.values()].find((s) => s.pod.uid === spec.pod.uid && s.attempt === spec.attempt)
    if (same !== undefined) return { ...same }
    const { pod, attempt, network } = spec
    const id = this.#nextId()
    const sandbox: Sandbox = {
      id,
      pod,
      attempt,
      state: 'ready',
      network,
      createdAtMs: this.#now(),
      pid: 10_000 + this.#lastId,
    }
    this.sandboxSpecs.push(spec)
    this.#sandboxes.set(id, sandbox)
    this.#changed(sandbox)
    return { ...sandbox }
  }

  async stopSandbox(sandboxId: string): Promise<void> {
    if (this.#sandboxes.get(sandboxId)?.state === 'ready') this.killSandbox(sandboxId)
  }

  async removeSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId)
    for (const container of this.#containers.values())
      if (container.sandboxId === sandboxId) await this.removeContainer(container.id)
    this.#sandboxes.delete(sandboxId)
    if (sandbox !== undefined) this.#changed(sandbox)
  }

  async listSandboxes(podUid?: string): Promise<Sandbox[]> {
    return [...this.#sandboxes.values()]
      .filter(({ pod }) => podUid === undefined || pod.uid === podUid)
      .map((s) => ({ ...s }))
  }

  async createContainer(sandbox: Sandbox, spec: ContainerSpec): Promise<string> {
    const { name, attempt, image, imageId, annotations } = spec
    const same = [...this.#containers.values()].find(
      (c) => c.sandboxId === sandbox.id && c.name === name && c.attempt === attempt,
    )
    if (same !== undefined) return same.id
    if (this.#sandbox(sandbox.id).state !== 'ready') throw new Error(`sandbox ${sandbox.id} is not running`)
    const id = this.#nextId()
    const times = { createdAtMs: this.#now(), startedAtMs: 0, finishedAtMs: 0 }
    const outcome = { state: 'created' as const, exitCode: 0, reason: '', message: '' }
    const identity = { id, sandboxId: sandbox.id, pod: sandbox.pod, name, attempt, image, imageId, annotations }
    this.containerSpecs.push(spec)
    this.#containers.set(id, { ...identity, ...times, ...outcome, spec, log: new FakeLog() })
    this.#changed(sandbox)
    return id
  }

  async startContainer(containerId: string): Promise<void> {
    const container = this.#container(containerId)
    if (container.state !== 'created') return
    const args = [...(container.spec.command ?? []), ...(container.spec.args ?? [])]
    const program = this.programs.get(args[0] ?? 'serve')
    if (program === undefined) {
      const message = `exec: "${args[0]}": executable file not found in $PATH`
      Object.assign(container, { state: 'exited', reason: 'ContainerCannotRun', message, exitCode: 128 })
      container.finishedAtMs = this.#now()
      this.#changed(container)
      throw new StartError(message)
    }
    container.state = 'running'
    container.startedAtMs = this.#now()
    container.process = new RunningProcess(program, args)
    container.log.record('stdout', container.process.stdout, this.#now)
    container.log.record('stderr', container.process.stderr, this.#now)
    this.#changed(container)
    this.#watchEnd(container, container.process)
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    const { process } = this.#containers.get(containerId) ?? {}
    if (process === undefined) return
    process.terminate()
    const timer = setTimeout(() => process.end(137), gracePeriodSeconds * 1000)
    await process.exitCode
    clearTimeout(timer)
  }

  async removeContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId)
    if (container === undefined) return
    container.process?.end(137)
    await container.process?.exitCode
    this.#containers.delete(containerId)
    this.#changed(container)
  }

  async listContainers(podUid?: string): Promise<Container[]> {
    return [...this.#containers.values()]
      .filter(({ pod }) => podUid === undefined || pod.uid === podUid)
      .map(({ spec: _spec, log: _log, process: _process, ...container }) => container)
  }

  async listImages(): Promise<Image[]> {
    return [...this.#images.values()]
  }

  async findImage(reference: string): Promise<Image | undefined> {
    validateReference(reference)
    return this.#images.get(reference) ?? [...this.#images.values()].find(({ id }) => id === reference)
  }

  async pullImage(reference: string): Promise<Image> {
    validateReference(reference)
    this.pulls.push(reference)
    const failure = this.#pullFailures.get(reference)
    if (failure !== undefined) throw new ImagePullError(failure)
    return this.#images.get(reference) ?? this.addImage(reference)
  }

  async removeImage(imageId: string): Promise<void> {
    for (const [reference, { id }] of this.#images) if (id === imageId) this.#images.delete(reference)
  }

  async exec(containerId: string, { command, stdin: hasStdin, tty }: ExecOptions): Promise<ExecSession> {
    this.#running(containerId)
    const program = this.programs.get(command[0] ?? '') ?? missingProgram
    const process = new RunningProcess(program, command)
    const { stdin, stdout, stderr, exitCode } = process
    if (tty) stderr.on('data', (chunk) => stdout.write(chunk))
    if (!hasStdin) stdin.end()
    return {
      stdin,
      stdout,
      stderr: tty ? ended() : stderr,
      exitCode,
      resize: async () => {},
      close: () => process.end(),
    }
  }

  async execSync(containerId: string, command: string[], timeoutMs: number) {
    const session = await this.exec(containerId, { command, stdin: false, tty: false })
    const timer = setTimeout(() => session.close(), timeoutMs)
    let output = ''
    for (const stream of [session.stdout, session.stderr]) stream.on('data', (chunk) => (output += chunk))
    const startedAtMs = Date.now()
    const exitCode = await session.exitCode
    clearTimeout(timer)
    await new Promise((resolve) => setImmediate(resolve))
    const timedOut = exitCode === 137 && Date.now() - startedAtMs >= timeoutMs - 1
    return { exitCode, output: output.slice(0, 10_000), timedOut }
  }

  async attach(containerId: string): Promise<ExecSession> {
    const { process, log } = this.#running(containerId)
    const read = (stream: 'stdout' | 'stderr') => log.read({ follow: true, tailLines: 0, timestamps: false, stream })
    const streams = { stdout: read('stdout'), stderr: read('stderr') }
    const { stdin, exitCode } = process
    const close = () => Object.values(streams).forEach((stream) => void stream.destroy())
    return { stdin, ...streams, exitCode, resize: async () => {}, close }
  }

  async logs(containerId: string, options: LogOptions): Promise<Readable> {
    return this.#container(containerId).log.read(options)
  }

  async stats(containerId: string): Promise<ContainerStats> {
    this.#running(containerId)
    return { cpuNanoseconds: 1_000_000_000, workingSetBytes: 10_000_000 }
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    this.#sandbox(sandboxId)
    const connect = this.#ports.get(String(port))
    if (connect === undefined) throw new Error(`nothing listens on port ${port} of sandbox ${sandboxId}`)
    return connect()
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#hub.subscribe(signal)
  }

  #watchEnd(container: FakeContainer, process: RunningProcess): void {
    void process.exitCode.then((exitCode) => {
      container.state = 'exited'
      container.exitCode = exitCode
      container.finishedAtMs = this.#now()
      if (container.reason === '') container.reason = exitCode === 0 ? 'Completed' : 'Error'
      this.#changed(container)
    })
  }

  #changed({ pod }: { pod: RuntimeEvent['pod'] }): void {
    this.#hub.publish({ pod })
  }

  #nextId(): string {
    return (++this.#lastId).toString(16).padStart(64, '0')
  }

  #sandbox(sandboxId: string): Sandbox {
    const sandbox = this.#sandboxes.get(sandboxId)
    if (sandbox === undefined) throw new NoSuchContainerError(`no sandbox ${sandboxId}`)
    return sandbox
  }

  #container(containerId: string): FakeContainer {
    const container = this.#containers.get(containerId)
    if (container === undefined) throw new NoSuchContainerError(`no container ${containerId}`)
    return container
  }

  #running(containerId: string): FakeContainer & { process: RunningProcess } {
    const container = this.#container(containerId)
    const { process } = container
    if (container.state !== 'running' || process === undefined)
      throw new Error(`container ${containerId} is not running`)
    return container as FakeContainer & { process: RunningProcess }
  }
}

/** Of all that makes a name invalid the fake knows one. */
function validateReference(reference: string): void {
  if (/^[^:@]*[A-Z]/.test(reference)) throw new InvalidImageNameError('repository name must be lowercase')
}

/** Docker says so in the output, and ends the process as a shell would. */
const missingProgram: FakeProgram = async ({ args, stdout }) => {
  stdout.write(`exec: "${args[0]}": executable file not found in $PATH\n`)
  return 127
}

function ended(): PassThrough {
  const stream = new PassThrough()
  stream.end()
  return stream
}
