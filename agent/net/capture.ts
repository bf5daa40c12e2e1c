// The agent's part in a capture: names the links on which packets can be seen, and streams what one of them sees. A capture
// ends with its time, its size or its client, whichever comes first.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type CaptureHop, type CaptureRequest, captureLimits, type HopRole } from '../../api/net/capture.ts'
import type { LinkState } from '../../api/net/state.ts'
import { badRequest, StatusError } from '../../api/objects/status-error.ts'
import { CommandError, type Running } from '../../cni/linux/exec.ts'
import { showLinks } from '../../cni/linux/iproute.ts'
import { explainBadFilter, startTcpdump } from '../../cni/linux/tcpdump.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { findPods, findPresentPods } from './pod-namespaces.ts'

export interface CapturesOptions {
  nodeName: string
  runtime: Pick<Runtime, 'listSandboxes'>
}

/** A large cluster's Service has many pods; more than this is a mistake. */
const maxRunning = 64

export class Captures {
  readonly #options: CapturesOptions
  #running = 0

  constructor(options: CapturesOptions) {
    this.#options = options
  }

  /** The links of the node, and of those of these pods that are here and have a network of their own. */
  async hops(podKeys: readonly string[]): Promise<CaptureHop[]> {
    const { nodeName: node, runtime } = this.#options
    const own = (await showLinks()) as LinkState[]
    const hops = own.flatMap((link): CaptureHop[] => {
      const role = roleOf(link)
      const tunnelPort = link.linkinfo?.info_data?.port
      if (role === undefined) return []
      return [{ place: { node }, device: link.ifname, role, ...(role === 'tunnel' && tunnelPort && { tunnelPort }) }]
    })
    for (const { key, netns } of await findPresentPods(runtime, podKeys)) {
      const inside = ((await showLinks({ netns })) as LinkState[]).filter(isUseful)
      for (const { ifname, link_index } of inside) {
        hops.push({ place: { node, pod: key }, device: ifname, role: 'pod' })
        const port = own.find(({ ifindex }) => ifindex === link_index)
        if (port !== undefined) hops.push({ place: { node }, device: port.ifname, role: 'port', peer: key })
      }
    }
    return hops
  }

  /** Streams what one link sees. Throws BadRequest for a filter that tcpdump cannot read, and for bounds beyond the limits. */
  async capture(body: CaptureRequest, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const checked = validateRequest(body)
    const { filter } = checked
    const problem = await explainBadFilter(filter).catch((error: unknown) => {
      if (!(error instanceof CommandError) || error.exitCode !== undefined) throw error
      throw new StatusError(501, 'NotImplemented', `${this.#options.nodeName} has no tcpdump: install it there`)
    })
    if (problem !== undefined) throw badRequest(`filter "${filter}": ${problem}`)
    if (this.#running >= maxRunning)
      throw new StatusError(429, 'TooManyRequests', `${maxRunning} captures are running on this node`)
    // Before the first wait: others ask at the same time.
    this.#running++
    try {
      const running = await this.#start(checked, request)
      // A client that goes is not noticed by writing while no packet comes.
      response.once('close', () => running.stop())
      await stream(running, checked.maxBytes, response).finally(() => running.stop())
    } finally {
      this.#running--
    }
  }

  async #start({ pod, filter, ...rest }: CaptureRequest, { socket }: IncomingMessage): Promise<Running> {
    const [found] = pod === undefined ? [] : await findPods(this.#options.runtime, [pod])
    if (found !== undefined) return startTcpdump({ ...rest, filter }, { netns: found.netns })
    // Else the stream would see itself, without end.
    const self = `not tcp port ${socket.localPort}`
    return startTcpdump({ ...rest, filter: filter === '' ? self : `(${filter}) and ${self}` })
  }
}

/** What fails before the first byte is an error of the request. */
async function stream(running: Running, maxBytes: number, response: ServerResponse): Promise<void> {
  const bytes = limit(running.stdout, maxBytes)
  const first = await bytes.next()
  if (first.done === true) {
    await running.ended.catch((error: unknown) => {
      throw error instanceof CommandError ? badRequest(error.stderr.trim() || error.message) : error
    })
    return void response.writeHead(200, { 'content-type': pcapType }).end()
  }
  response.writeHead(200, { 'content-type': pcapType })
  response.write(first.value)
  try {
    await pipeline(bytes, response)
  } catch (error) {
    // The client has seen enough.
    if (!response.destroyed) throw error
  }
}

const pcapType = 'application/vnd.tcpdump.pcap'

/** The chunks until their sum would be too much; the last is cut, as readers of pcap allow. */
async function* limit(source: Readable, maxBytes: number): AsyncGenerator<Uint8Array> {
  let left = maxBytes
  for await (const chunk of source as AsyncIterable<Uint8Array>) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) return
  }
}

const isUseful = ({ ifname, flags, operstate }: LinkState) =>
  ifname !== 'lo' && flags.includes('UP') && operstate !== 'DOWN'

/** Ports of bridges are seen through their pods; what is down sees nothing. */
function roleOf(link: LinkState): HopRole | undefined {
  if (!isUseful(link) || link.master !== undefined) return undefined
  const kind = link.linkinfo?.info_kind ?? ''
  if (kind === 'bridge') return 'bridge'
  if (kind === 'vxlan') return 'tunnel'
  return kind === 'dummy' || kind === 'ifb' || kind === 'nlmon' ? undefined : 'uplink'
}

/** What goes to a program is checked: it comes from outside. */
function validateRequest(body: CaptureRequest): CaptureRequest {
  const { device, filter, durationMs, maxBytes, snaplen, pod } = body
  if (typeof device !== 'string' || !/^[^\s/-][^\s/]{0,14}$/.test(device))
    throw badRequest(`device: bad name "${device}"`)
  if (typeof filter !== 'string' || filter.length > captureLimits.filterLength)
    throw badRequest(`filter: must be a text of at most ${captureLimits.filterLength} characters`)
  if (pod !== undefined && typeof pod !== 'string') throw badRequest('pod: must be NAMESPACE/NAME')
  for (const [name, value] of Object.entries({ durationMs, maxBytes, snaplen })) {
    const most = captureLimits[name as 'durationMs' | 'maxBytes' | 'snaplen']
    if (!Number.isInteger(value) || value < 1 || value > most) throw badRequest(`${name}: must be 1 to ${most}`)
  }
  return body
}
