// The agent's part in proving a trace: watches that are begun, read and forgotten, and the packet itself.

import type { SeenAnswer, SendAnswer, SendRequest, WatchRequest } from '../../api/net/probe.ts'
import type { Place } from '../../api/net/state.ts'
import type { Flow } from '../../api/net/trace.ts'
import { isAddress } from '../../api/objects/addresses.ts'
import { badRequest, StatusError } from '../../api/objects/status-error.ts'
import type { RunOptions } from '../../cni/linux/exec.ts'
import { listTables } from '../../cni/linux/nft.ts'
import { sendPacket } from '../../cni/linux/sender.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { findPods, findPresentPods } from './pod-namespaces.ts'
import { endWatch, readWatch, startWatch, watchPrefix } from './watch.ts'

export interface ProbesOptions {
  nodeName: string
  runtime: Pick<Runtime, 'listSandboxes'>
  onError: (error: unknown) => void
}

interface Watch {
  places: { place: Place; where: Pick<RunOptions, 'netns'> }[]
  timer: NodeJS.Timeout
}

/** A watch that nobody asks for any more is ended after this. */
const forgetMs = 15_000
const longestWaitMs = 5_000

export class Probes {
  readonly #options: ProbesOptions
  readonly #watches = new Map<string, Watch>()

  constructor(options: ProbesOptions) {
    this.#options = options
  }

  /** Removes watches that an agent left that was killed. Those in pods go with the pods: their mark never comes again. */
  async sweep(): Promise<void> {
    for (const table of await listTables())
      if (table.startsWith(`inet ${watchPrefix}`)) await endWatch(table.slice(`inet ${watchPrefix}`.length), {})
  }

  async watch(request: WatchRequest): Promise<void> {
    const { id, mark, protocol, begin } = validateWatch(request)
    if (this.#watches.has(id)) throw badRequest(`there is a watch "${id}" already`)
    const { nodeName: node, runtime } = this.#options
    const pods = await findPresentPods(runtime, request.pods)
    const places = [
      { place: { node }, where: {} },
      ...pods.map(({ key, netns }) => ({ place: { node, pod: key }, where: { netns } })),
    ]
    const timer = setTimeout(() => void this.#end(id).catch(this.#options.onError), forgetMs)
    this.#watches.set(id, { places, timer })
    await Promise.all(
      places.map(async ({ place, where }) => {
        const isBegin = begin !== undefined && begin.pod === ('pod' in place ? place.pod : undefined)
        await startWatch({ id, mark, ...(protocol && { protocol }), ...(isBegin && { begin }) }, where)
      }),
    )
  }

  /** Ends the watch. Throws NotFound for one that is not, or no longer, there. */
  async seen(id: string): Promise<SeenAnswer> {
    const watch = this.#watches.get(id)
    if (watch === undefined) throw new StatusError(404, 'NotFound', `there is no watch "${id}"`)
    const seen = await Promise.all(watch.places.map(({ place, where }) => readWatch(id, place, where)))
    await this.#end(id)
    return { seen: seen.flat() }
  }

  /** Throws BadRequest for what is no flow: its words go to programs. */
  async send({ pod, flow, timeoutMs }: SendRequest): Promise<SendAnswer> {
    validateFlow(flow)
    if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) throw badRequest('timeoutMs: must be more than 0')
    const [found] = pod === undefined ? [] : await findPods(this.#options.runtime, [pod])
    const { protocol, destination, port, sourcePort } = flow
    return await sendPacket(
      { protocol, destination, port, sourcePort, timeoutMs: Math.min(timeoutMs, longestWaitMs) },
      found === undefined ? {} : { netns: found.netns },
    )
  }

  async #end(id: string): Promise<void> {
    const watch = this.#watches.get(id)
    if (watch === undefined) return
    this.#watches.delete(id)
    clearTimeout(watch.timer)
    await Promise.all(
      watch.places.map(async ({ place, where }) => {
        // A pod that has gone took its counters along; where one stays, the mark never comes again.
        await endWatch(id, where).catch((error: unknown) => {
          if (place.pod === undefined) throw error
          this.#options.onError(error)
        })
      }),
    )
  }
}

const protocols: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp'])

/** What goes into rules is checked: it comes from outside. */
function validateWatch(request: WatchRequest): WatchRequest {
  const { id, mark, protocol: counted, pods, begin } = request
  if (!/^[a-z0-9]{1,16}$/.test(id)) throw badRequest('id: must be lower-case letters and digits')
  if (!Number.isInteger(mark) || mark < 1 || mark > 65_535) throw badRequest('mark: must be 1 to 65535')
  if (!Array.isArray(pods)) throw badRequest('pods: must be a list')
  if (counted !== undefined && !protocols.has(counted)) throw badRequest('protocol: must be tcp, udp or icmp')
  if (begin !== undefined) validateFlow(begin.flow)
  return request
}

function validateFlow({ source, destination, port, sourcePort, protocol }: Flow): void {
  const isPort = (port: number) => Number.isInteger(port) && port >= 0 && port <= 65_535
  const addresses = [destination, ...(source === undefined ? [] : [source])]
  if (!addresses.every((each) => typeof each === 'string' && isAddress(each))) throw badRequest('flow: bad address')
  if (!isPort(port) || !isPort(sourcePort)) throw badRequest('flow: bad port')
  if (!protocols.has(protocol)) throw badRequest('flow: bad protocol')
}
