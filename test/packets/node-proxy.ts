// A proxy backend in a process of its own inside a node's namespace: the userspace mode listens there, and a backend can be
// killed as an agent is.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServiceChanges } from '../../agent/proxy/backend.ts'
import { ConnectionCleaner } from '../../agent/proxy/connection-cleaner.ts'
import { createBackend, isProxyMode, removeOtherModes } from '../../agent/proxy/modes.ts'
import type { Difference } from '../../api/net/difference.ts'
import type { Host } from '../support/namespaces.ts'
import { clusterCidrs, serviceCidrs } from './topology.ts'

/** The argument that makes main.ts such a process. */
export const proxyFlag = '--as-node-proxy'

/** What the child does when asked. */
interface Calls {
  apply(changes: ServiceChanges): Promise<void>
  resync(): Promise<void>
  verify(): Promise<Difference[]>
  /** Removes the rules of all modes. */
  remove(): Promise<void>
}

interface Request {
  id: number
  call: keyof Calls
  changes: ServiceChanges
}

interface Reply {
  id: number
  value?: Difference[]
  error?: string
}

/** One life of a node's proxy. */
export class NodeProxy implements Calls {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<Difference[]>>()
  #lastId = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (reply) => this.#take(reply as Reply))
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the node proxy has ended'))
    })
  }

  /** Starts a backend of this mode in the node's namespace. The program is main.ts or its bundle. */
  static async start(node: Host, program: string, mode: string, nodeIps: readonly string[] = []): Promise<NodeProxy> {
    const child = spawn('nsenter', [`--net=${node.netns}`, process.execPath, program, proxyFlag, mode, ...nodeIps], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the node proxy of mode ${mode} has ended`)))
    await Promise.race([once(child, 'message'), ended])
    return new NodeProxy(child)
  }

  async apply(changes: ServiceChanges): Promise<void> {
    await this.#ask('apply', changes)
  }

  async resync(): Promise<void> {
    await this.#ask('resync')
  }

  async verify(): Promise<Difference[]> {
    return await this.#ask('verify')
  }

  async remove(): Promise<void> {
    await this.#ask('remove')
  }

  /** Ends it without a goodbye, as a crash does. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }

  async #ask(call: Request['call'], changes: ServiceChanges = new Map()): Promise<Difference[]> {
    const waiting = Promise.withResolvers<Difference[]>()
    const request: Request = { id: ++this.#lastId, call, changes }
    this.#waiting.set(request.id, waiting)
    this.#child.send(request)
    return await waiting.promise
  }

  #take({ id, value = [], error }: Reply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }
}

/** The child's side: serves requests until the parent goes. */
export async function serveNodeProxy(mode: string, nodeIps: readonly string[] = []): Promise<void> {
  if (!isProxyMode(mode)) throw new Error(`no mode ${mode}`)
  await removeOtherModes(mode)
  const backend = createBackend(mode, { clusterCidrs, serviceCidrs, nodeIps })
  const cleaner = new ConnectionCleaner({ nodeIps }, backend)
  const calls: Calls = {
    apply: async (changes) => {
      await backend.apply(changes)
      await cleaner.clean(changes)
    },
    resync: () => backend.resync(),
    verify: () => backend.verify(),
    remove: () => removeOtherModes(undefined),
  }
  // One after the other, as the agent does it.
  let last = Promise.resolve()
  process.on('message', (request: Request) => {
    last = last.then(() => perform(calls, request))
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.('ready')
}

async function perform(calls: Calls, { id, call, changes }: Request): Promise<void> {
  try {
    const value = await (call === 'apply' ? calls.apply(changes) : calls[call]())
    process.send?.({ id, ...(value !== undefined && { value }) } satisfies Reply)
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? `${error.stack}` : String(error) } satisfies Reply)
  }
}
