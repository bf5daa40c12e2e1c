// exec, attach and port-forward: the client's request to change protocols is passed on to the agent as it came, and both
// connections are joined byte by byte. The protocols themselves (WebSocket v5.channel.k8s.io and older, SPDY/3.1) end at
// the agent, so nothing here depends on which of them the client speaks.

import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from '../../../api/client/client.ts'
import type { Pod } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { badRequest } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import type { ApiRequest } from '../exchange.ts'
import type { UpgradeHandler } from '../serving/https-server.ts'
import { addressOfAgent } from './agent-address.ts'
import type { AgentConnections } from './agent-connection.ts'
import { chooseContainer } from './pod-container.ts'
import { readStreamingRequest, type StreamingRequest } from './streaming-request.ts'

export interface StreamingUpgradesOptions {
  client: Client
  agents: AgentConnections
  /** The request as of the user it is made for. Throws Forbidden unless it is allowed. */
  authorize(request: ApiRequest): Promise<ApiRequest>
}

const kinds = new Set<StreamingRequest['kind']>(['exec', 'attach', 'portforward'])
/** The caller's own credentials, and what is about its connection alone. */
const keptBack = new Set(['host', 'authorization', 'cookie', 'content-length'])

export class StreamingUpgrades implements UpgradeHandler {
  readonly #options: StreamingUpgradesOptions

  constructor(options: StreamingUpgradesOptions) {
    this.#options = options
  }

  takes(method: string, url: URL): boolean {
    const streaming = readStreamingRequest(url)
    return (method === 'GET' || method === 'POST') && streaming !== undefined && kinds.has(streaming.kind)
  }

  /** Joins the client with the agent; resolves when either has ended. Throws StatusError while nothing is joined yet. */
  async upgrade(given: ApiRequest, socket: Duplex, head: Buffer): Promise<void> {
    const { client, agents, authorize } = this.#options
    const request = await authorize(given)
    const streaming = readStreamingRequest(request.url)
    if (streaming === undefined) throw badRequest('not a streaming request')
    const { namespace, name } = streaming
    const pod = await client.get(pods, { namespace, name }, { signal: request.signal })
    const path = agentPath(streaming, request.url, pod)
    const { nodeName } = pod.spec
    if (nodeName === undefined || nodeName === '') throw badRequest(`pod ${name} does not have a host assigned`)
    const agent = addressOfAgent(await client.get(nodes, { name: nodeName }, { signal: request.signal }))
    const upstream = await agents.dial(agent, request.signal)
    upstream.write(formatHead(request, path, agent.host))
    if (head.length > 0) upstream.write(head)
    await join(socket, upstream, request.signal)
  }
}

/** The agent's path for the request. Throws BadRequest for what cannot be run. */
function agentPath({ kind, namespace, name }: StreamingRequest, { searchParams }: URL, pod: Stored<Pod>): string {
  const query = new URLSearchParams(searchParams)
  const podSegments = [namespace, name].map(encodeURIComponent).join('/')
  if (kind === 'portforward') return `/portForward/${podSegments}?${query}`
  const container = encodeURIComponent(chooseContainer(pod, query.get('container')))
  query.delete('container')
  validateStreams(query)
  if (kind === 'attach') return `/attach/${podSegments}/${container}?${query}`
  if (!query.has('command')) throw badRequest('you must specify at least 1 command for the container')
  const phase = pod.status?.phase
  if (phase === 'Succeeded' || phase === 'Failed')
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`)
  return `/exec/${podSegments}/${container}?${query}`
}

function validateStreams(query: URLSearchParams): void {
  const isOn = (name: string) => ['true', '1'].includes(query.get(name) ?? '')
  if (!['stdin', 'stdout', 'stderr'].some(isOn))
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr')
}

function formatHead({ method, headers }: ApiRequest, path: string, host: string): string {
  const lines = Object.entries(headers)
    .filter(([name, value]) => value !== undefined && !keptBack.has(name))
    .map(([name, value]) => `${name}: ${value}`)
  return `${[`${method} ${path} HTTP/1.1`, `host: ${host}`, ...lines].join('\r\n')}\r\n\r\n`
}

/** Each side's end becomes the other's; a broken one breaks both. */
async function join(client: Duplex, agent: Duplex, signal: AbortSignal): Promise<void> {
  const both = await Promise.allSettled([pipeline(client, agent, { signal }), pipeline(agent, client, { signal })])
  // A broken connection ends the session; there is nobody left to be told.
  if (both.some(({ status }) => status === 'rejected')) {
    client.destroy()
    agent.destroy()
  }
}
