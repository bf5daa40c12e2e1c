// The agent's side of `fairlead net`, below /net/ of its server. It looks at the kernel and asks the parts that write to it; the
// working out is the caller's.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Verifiable } from '../../api/net/difference.ts'
import type { VerifyAnswer } from '../../api/net/requests.ts'
import type { NamespaceState } from '../../api/net/state.ts'
import { badRequest, noSuchPath, StatusError } from '../../api/objects/status-error.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { collectState } from './collect.ts'

export interface NodeNetOptions {
  nodeName: string
  runtime: Pick<Runtime, 'listSandboxes'>
  /** The parts that write to the kernel, by the name that errors are told with. */
  parts: Record<string, Verifiable>
}

/** A pod that has a network namespace of its own. */
interface PodNamespace {
  key: string
  netns: string
}

export class NodeNet {
  readonly #options: NodeNetOptions

  constructor(options: NodeNetOptions) {
    this.#options = options
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
      default:
        throw noSuchPath()
    }
  }

  /** Pictures of the node's own namespace and of pods. Throws NotFound for a pod that is not here. */
  async states(query: URLSearchParams): Promise<NamespaceState[]> {
    const { nodeName } = this.#options
    const addresses = query.getAll('address')
    const wanted = query.getAll('pod')
    const namespaces = wanted.length === 0 ? [] : await this.#findPods(wanted)
    const places = namespaces.map(({ key, netns }) => ({ place: { node: nodeName, pod: key }, netns }))
    const own = query.get('node') === 'false' ? [] : [{ place: { node: nodeName } }]
    const states: NamespaceState[] = []
    // One after the other: a picture is a dozen programs already.
    for (const where of [...own, ...places]) states.push(await collectState({ ...where, addresses }))
    return states
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

  async #findPods(wanted: readonly string[]): Promise<PodNamespace[]> {
    const sandboxes = (await this.#options.runtime.listSandboxes()).filter(
      ({ state, network, pid }) => state === 'ready' && network === 'pod' && pid !== undefined,
    )
    const here = sandboxes.map(({ pod, pid }) => ({
      key: `${pod.namespace}/${pod.name}`,
      netns: `/proc/${pid}/ns/net`,
    }))
    if (wanted.includes('*')) return here
    return [...new Set(wanted)].map((key) => {
      if (!/^[^/]+\/[^/]+$/.test(key)) throw badRequest(`pod=${key}: must be NAMESPACE/NAME`)
      const found = here.find((pod) => pod.key === key)
      if (found === undefined) throw new StatusError(404, 'NotFound', `pod "${key}" has no network of its own here`)
      return found
    })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
