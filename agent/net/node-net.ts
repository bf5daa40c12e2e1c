// The agent's side of `fairlead net`, below /net/ of its server. It looks at the kernel and asks the parts that write to it; the
// working out is the caller's.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Verifiable } from '../../api/net/difference.ts'
import type { SendRequest, WatchRequest } from '../../api/net/probe.ts'
import type { VerifyAnswer } from '../../api/net/requests.ts'
import type { NamespaceState } from '../../api/net/state.ts'
import { noSuchPath } from '../../api/objects/status-error.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { collectState } from './collect.ts'
import { readJson, sendJson } from './json.ts'
import { findPresentPods } from './pod-namespaces.ts'
import { Probes } from './probes.ts'

export interface NodeNetOptions {
  nodeName: string
  runtime: Pick<Runtime, 'listSandboxes'>
  /** The parts that write to the kernel, by the name that errors are told with. */
  parts: Record<string, Verifiable>
  onError: (error: unknown) => void
}

export class NodeNet {
  readonly #options: NodeNetOptions
  readonly #probes: Probes

  constructor(options: NodeNetOptions) {
    this.#options = options
    this.#probes = new Probes(options)
  }

  /** Removes what an agent left that was killed in the middle of a trace. */
  async sweep(): Promise<void> {
    await this.#probes.sweep()
  }

  /** Answers a request below /net/. Throws StatusError. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://agent')
    switch (`${request.method} ${pathname}`) {
      case 'GET /net/state':
        return sendJson(response, await this.states(searchParams))
      case 'GET /net/verify':
        return sendJson(response, await this.verify())
      case 'POST /net/repair':
        return sendJson(response, await this.repair())
      case 'POST /net/watch':
        await this.#probes.watch(await readJson<WatchRequest>(request))
        return sendJson(response, {})
      case 'GET /net/seen':
        return sendJson(response, await this.#probes.seen(searchParams.get('id') ?? ''))
      case 'POST /net/send':
        return sendJson(response, await this.#probes.send(await readJson<SendRequest>(request)))
      default:
        throw noSuchPath()
    }
  }

  /** Pictures of the node's own namespace and of those pods that are here. */
  async states(query: URLSearchParams): Promise<NamespaceState[]> {
    const { nodeName } = this.#options
    const addresses = query.getAll('address')
    const wanted = query.getAll('pod')
    const namespaces = await findPresentPods(this.#options.runtime, wanted)
    const places = namespaces.map(({ key, netns }) => ({ place: { node: nodeName, pod: key }, netns }))
    const own = query.get('node') === 'false' ? [] : [collectState({ place: { node: nodeName }, addresses })]
    const pictures = places.map(async (where): Promise<NamespaceState[]> => {
      try {
        return [await collectState({ ...where, addresses })]
      } catch (error) {
        // It went while it was looked at, as one that had gone before.
        this.#options.onError(error)
        return []
      }
    })
    return [...(await Promise.all(own)), ...(await Promise.all(pictures)).flat()]
  }

  /** What the parts say; a part that fails does not silence the others. */
  async verify(): Promise<VerifyAnswer> {
    const { nodeName, parts } = this.#options
    const told = await Promise.allSettled(Object.values(parts).map((part) => part.verify()))
    const names = Object.keys(parts)
    return {
      node: nodeName,
      differences: told.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])),
      errors: told.flatMap((each, at) =>
        each.status === 'rejected' ? [`${names[at]}: ${messageOf(each.reason)}`] : [],
      ),
    }
  }

  async repair(): Promise<VerifyAnswer> {
    const { parts } = this.#options
    const errors: string[] = []
    for (const [name, part] of Object.entries(parts)) {
      // One after the other: their order is that in which they build on each other.
      await part.repair().catch((error: unknown) => errors.push(`${name}: ${messageOf(error)}`))
    }
    const answer = await this.verify()
    return { ...answer, errors: [...errors, ...answer.errors] }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
