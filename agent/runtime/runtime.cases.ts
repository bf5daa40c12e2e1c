// What every Runtime does, as one suite for the fake and for Docker. Commands are those that the fake's programs know.

import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  type Container,
  type ContainerSpec,
  ImagePullError,
  InvalidImageNameError,
  NoSuchContainerError,
  type Runtime,
  type RuntimeEvent,
  type Sandbox,
  type SandboxSpec,
  StartError,
} from './runtime.ts'

/** A runtime that has an image with a shell, and how to put it away. */
export interface RuntimeUnderTest {
  runtime: Runtime
  /** An image with a shell, sleep, echo and cat, whose default command runs until it is stopped. */
  image: string
  close(): Promise<void>
}

let lastPod = 0

/** A sandbox spec for a pod of its own. */
export function makeSandboxSpec(changes: Partial<SandboxSpec> = {}): SandboxSpec {
  const name = `pod-${++lastPod}`
  return {
    pod: { name, namespace: 'default', uid: `uid-${process.pid}-${lastPod}` },
    attempt: 0,
    hostname: name,
    network: 'pod',
    hostPid: false,
    hostIpc: false,
    sharePid: false,
    sysctls: {},
    annotations: { 'fairlead.dev/test': 'yes' },
    labels: {},
    ...changes,
  }
}

/** A container spec that runs the image's default command. */
export function makeContainerSpec(image: { id: string }, changes: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: 'main',
    attempt: 0,
    imageId: image.id,
    image: 'test-image',
    env: [],
    mounts: [],
    tty: false,
    stdin: false,
    stdinOnce: false,
    resources: {},
    security: {},
    labels: {},
    annotations: { 'fairlead.dev/restarts': '0' },
    ...changes,
  }
}

const waitOptions = { timeout: 15_000, interval: 100 }

/** Registers the cases in the calling test file. */
export function testRuntime(make: () => Promise<RuntimeUnderTest>): void {
  let subject: RuntimeUnderTest
  let runtime: Runtime
  let image: { id: string }

  beforeAll(async () => {
    subject = await make()
    runtime = subject.runtime
    const found = await runtime.findImage(subject.image)
    if (found === undefined) throw new Error(`${subject.image} is missing`)
    image = found
  })
  afterAll(() => subject.close())

  async function start(changes: Partial<ContainerSpec>, pod: Partial<SandboxSpec> = {}) {
    const sandbox = await runtime.createSandbox(makeSandboxSpec(pod))
    const id = await runtime.createContainer(sandbox, makeContainerSpec(image, changes))
    await runtime.startContainer(id)
    return { sandbox, id }
  }
  const shell = (script: string) => ({ command: ['sh', '-c', script] })

  async function find(sandbox: Sandbox, id: string): Promise<Container> {
    const containers = await runtime.listContainers(sandbox.pod.uid)
    const container = containers.find((each) => each.id === id)
    if (container === undefined) throw new Error(`${id} is not listed`)
    return container
  }
  const findEnded = (sandbox: Sandbox, id: string) =>
    vi.waitFor(async () => {
      const container = await find(sandbox, id)
      expect(container.state).toBe('exited')
      return container
    }, waitOptions)
  const logText = async (id: string, options = {}) =>
    await text(await runtime.logs(id, { follow: false, timestamps: false, ...options }))

  test('a sandbox is ready, has a process, and is found by its pod', async () => {
    const spec = makeSandboxSpec()
    const sandbox = await runtime.createSandbox(spec)
    expect(sandbox).toMatchObject({ pod: spec.pod, attempt: 0, state: 'ready', network: 'pod' })
    expect(sandbox.pid).toBeGreaterThan(1)
    expect(await runtime.listSandboxes(spec.pod.uid)).toEqual([sandbox])
    expect((await runtime.listSandboxes()).map(({ id }) => id)).toContain(sandbox.id)
  })

  test('a sandbox that was made before is given again', async () => {
    const spec = makeSandboxSpec()
    const [first, second] = [await runtime.createSandbox(spec), await runtime.createSandbox(spec)]
    expect(second.id).toBe(first.id)
    expect(second.pid).toBe(first.pid)
  })

  test('a stopped sandbox is not ready, and removing it removes its containers', async () => {
    const { sandbox, id } = await start({})
    await runtime.stopContainer(id, 1)
    await runtime.stopSandbox(sandbox.id)
    await runtime.stopSandbox(sandbox.id)
    const [stopped] = await runtime.listSandboxes(sandbox.pod.uid)
    expect(stopped?.state).toBe('notReady')
    expect(stopped?.pid).toBeUndefined()
    await runtime.removeSandbox(sandbox.id)
    await runtime.removeSandbox(sandbox.id)
    expect(await runtime.listSandboxes(sandbox.pod.uid)).toEqual([])
    expect(await runtime.listContainers(sandbox.pod.uid)).toEqual([])
  })

  test('a container that was made before is given again', async () => {
    const sandbox = await runtime.createSandbox(makeSandboxSpec())
    const spec = makeContainerSpec(image)
    expect(await runtime.createContainer(sandbox, spec)).toBe(await runtime.createContainer(sandbox, spec))
    expect((await runtime.listContainers(sandbox.pod.uid)).map(({ state }) => state)).toEqual(['created'])
  })

  test('a running container tells who it is and when it started', async () => {
    const { sandbox, id } = await start({ attempt: 3 })
    const container = await find(sandbox, id)
    expect(container).toMatchObject({ sandboxId: sandbox.id, name: 'main', attempt: 3, state: 'running', reason: '' })
    expect(container).toMatchObject({ image: 'test-image', imageId: image.id, pod: sandbox.pod })
    expect(container.annotations).toEqual({ 'fairlead.dev/restarts': '0' })
    expect(container.startedAtMs).toBeGreaterThanOrEqual(container.createdAtMs)
    await runtime.startContainer(id)
    expect((await find(sandbox, id)).startedAtMs).toBe(container.startedAtMs)
  })

  test('a container that ends keeps its exit code and times', async () => {
    const { sandbox, id } = await start(shell('exit 3'))
    const container = await findEnded(sandbox, id)
    expect(container).toMatchObject({ exitCode: 3, reason: 'Error' })
    expect(container.finishedAtMs).toBeGreaterThanOrEqual(container.startedAtMs)
    const done = await start({ command: ['true'] })
    expect(await findEnded(done.sandbox, done.id)).toMatchObject({ exitCode: 0, reason: 'Completed' })
  })

  test('a command that does not exist is a start error and leaves an exited container that says so', async () => {
    const sandbox = await runtime.createSandbox(makeSandboxSpec())
    const id = await runtime.createContainer(sandbox, makeContainerSpec(image, { command: ['no-such-command'] }))
    await expect(runtime.startContainer(id)).rejects.toThrow(StartError)
    const container = await find(sandbox, id)
    expect(container).toMatchObject({ state: 'exited', exitCode: 128, reason: 'ContainerCannotRun' })
    expect(container.message).toContain('no-such-command')
  })

  test('stopping kills what ignores SIGTERM after its grace period', async () => {
    const { sandbox, id } = await start(shell('trap "" TERM; echo ready; sleep 60'))
    await vi.waitFor(async () => expect(await logText(id)).toContain('ready'), waitOptions)
    await runtime.stopContainer(id, 1)
    expect(await find(sandbox, id)).toMatchObject({ state: 'exited', exitCode: 137 })
  })

  test('stopping and removing what is gone succeeds', async () => {
    const { sandbox, id } = await start({ command: ['true'] })
    await findEnded(sandbox, id)
    await runtime.stopContainer(id, 1)
    await runtime.removeContainer(id)
    await runtime.removeContainer(id)
    await runtime.stopContainer(id, 1)
    expect(await runtime.listContainers(sandbox.pod.uid)).toEqual([])
  })

  test('logs hold both streams in order, by line count, stream and limit', async () => {
    const { sandbox, id } = await start(shell('echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three'))
    await findEnded(sandbox, id)
    expect(await logText(id)).toBe('one\ntwo\nthree\n')
    expect(await logText(id, { tailLines: 1 })).toBe('three\n')
    expect(await logText(id, { stream: 'stderr' })).toBe('two\n')
    expect(await logText(id, { limitBytes: 5 })).toBe('one\nt')
    expect(await logText(id, { timestamps: true })).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z one\n/)
  })

  test('followed logs end with the container', async () => {
    const { id } = await start(shell('echo one; sleep 0.5; echo two'))
    expect(await logText(id, { follow: true })).toBe('one\ntwo\n')
  })

  test('exec gives both streams and the exit code', async () => {
    const { id } = await start({})
    const session = await runtime.exec(id, { ...shell('echo out; echo bad >&2; exit 7'), stdin: false, tty: false })
    const [stdout, stderr] = await Promise.all([text(session.stdout), text(session.stderr)])
    expect({ stdout, stderr, exitCode: await session.exitCode }).toEqual({
      stdout: 'out\n',
      stderr: 'bad\n',
      exitCode: 7,
    })
  })

  test('exec passes stdin on until its end', async () => {
    const { id } = await start({})
    const session = await runtime.exec(id, { command: ['cat'], stdin: true, tty: false })
    session.stdin.end('through\n')
    expect(await text(session.stdout)).toBe('through\n')
    expect(await session.exitCode).toBe(0)
  })

  test('exec of a command that does not exist ends as a shell would say it, with the reason', async () => {
    const { id } = await start({})
    const session = await runtime.exec(id, { command: ['no-such-command'], stdin: false, tty: false })
    expect(await text(session.stdout)).toContain('no-such-command')
    expect([126, 127]).toContain(await session.exitCode)
  })

  test('execSync returns output and exit code, and ends what takes too long', async () => {
    const { id } = await start({})
    const quick = await runtime.execSync(id, ['sh', '-c', 'echo fine; exit 4'], 10_000)
    expect(quick).toEqual({ exitCode: 4, output: 'fine\n', timedOut: false })
    const slow = await runtime.execSync(id, ['sleep', '60'], 300)
    expect(slow.timedOut).toBe(true)
  })

  test('attach hears what the container writes from then on', async () => {
    const { id } = await start({ command: ['cat'], stdin: true, stdinOnce: true })
    const session = await runtime.attach(id, { stdin: true, tty: false })
    session.stdin.write('hello\n')
    const heard = await new Promise((resolve) => session.stdout.once('data', (chunk) => resolve(String(chunk))))
    expect(heard).toBe('hello\n')
    session.close()
  })

  test('calls for a container that is not there say so', async () => {
    await expect(runtime.startContainer('f'.repeat(64))).rejects.toThrow(NoSuchContainerError)
    const options = { command: ['true'], stdin: false, tty: false }
    await expect(runtime.exec('f'.repeat(64), options)).rejects.toThrow(NoSuchContainerError)
    await expect(runtime.logs('f'.repeat(64), { follow: false, timestamps: false })).rejects.toThrow(
      NoSuchContainerError,
    )
  })

  test('events tell of a container that ends', async () => {
    const stop = new AbortController()
    const events = runtime.events(stop.signal)[Symbol.asyncIterator]()
    const first = events.next()
    const { sandbox, id } = await start(shell('sleep 0.3'))
    let event: IteratorResult<RuntimeEvent> = await first
    while (event.done !== true && (await find(sandbox, id)).state !== 'exited') event = await events.next()
    expect(event.value).toEqual({ pod: sandbox.pod })
    stop.abort()
    await vi.waitFor(async () => expect((await events.next()).done).toBe(true), waitOptions)
  })

  test('images are found by name and id; what is not there cannot be had without a registry', async () => {
    const images = await runtime.listImages()
    expect(images.map(({ id }) => id)).toContain(image.id)
    expect((await runtime.findImage(image.id))?.id).toBe(image.id)
    expect(await runtime.findImage('fairlead/no-such-image:1')).toBeUndefined()
  })

  test('stats tell memory in use', async () => {
    const { id } = await start({})
    expect((await runtime.stats(id)).workingSetBytes).toBeGreaterThan(0)
  })

  test('a pull that cannot be done is an image pull error with the reason', async () => {
    const pull = runtime.pullImage('127.0.0.1:1/no-such-image:1')
    await expect(pull).rejects.toThrow(ImagePullError)
    await expect(pull).rejects.toThrow(/./)
  })

  test('a name that no image can have is refused as such', async () => {
    await expect(runtime.findImage('UPPER/case:1')).rejects.toThrow(InvalidImageNameError)
    await expect(runtime.pullImage('UPPER/case:1')).rejects.toThrow(InvalidImageNameError)
  })
}
