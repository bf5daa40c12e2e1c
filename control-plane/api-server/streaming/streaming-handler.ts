// Logs and proxies: found out here whom they are for, and passed on to the agent of the pod's node (or, for a pod's own
// HTTP server, to the pod). Everything else goes to the inner handler.

import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Client } from '../../../api/client/client.ts'
import type { Pod } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { badRequest, internalError } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import type { ApiRequest, ApiResponse, RequestHandler } from '../exchange.ts'
import { toErrorResponse } from '../serving/status-response.ts'
import { addressOfAgent } from './agent-address.ts'
import { endToEndHeaders, passOn, toRefusal } from './agent-answer.ts'
import type { AgentConnections } from './agent-connection.ts'
import { readLogQuery } from './log-options.ts'
import { chooseContainer } from './pod-container.ts'
import { parseTarget, portOf } from './proxy-target.ts'
import { readStreamingRequest, type StreamingRequest } from './streaming-request.ts'

export interface StreamingHandlerOptions {
  inner: RequestHandler
  client: Client
  agents: AgentConnections
}

export class StreamingHandler implements RequestHandler {
  readonly #options: StreamingHandlerOptions

  constructor(options: StreamingHandlerOptions) {
    this.#options = options
  }

  async handle(request: ApiRequest): Promise<ApiResponse> {
    const streaming = readStreamingRequest(request.url)
    if (streaming === undefined) return await this.#options.inner.handle(request)
    try {
      return await this.#serve(streaming, request)
    } catch (error) {
      return toErrorResponse(error)
    }
  }

  async #serve(streaming: StreamingRequest, request: ApiRequest): Promise<ApiResponse> {
    switch (streaming.kind) {
      case 'log':
        return await this.#readLog(streaming, request)
      case 'pod-proxy':
        return await this.#proxyToPod(streaming, request)
      case 'node-proxy':
        return await this.#proxyToNode(streaming, request)
      default:
        throw badRequest('Upgrade request required')
    }
  }

  async #readLog({ namespace, name }: StreamingRequest, { url, signal }: ApiRequest): Promise<ApiResponse> {
    const { client, agents } = this.#options
    const pod = await client.get(pods, { namespace, name }, { signal })
    const container = chooseContainer(pod, url.searchParams.get('container'))
    const query = readLogQuery(url.searchParams)
    const { nodeName } = pod.spec
    const headers = { 'content-type': 'text/plain' }
    // As in Kubernetes: a pod that runs nowhere has an empty log.
    if (nodeName === undefined || nodeName === '') return { status: 200, headers, body: '' }
    const agent = addressOfAgent(await client.get(nodes, { name: nodeName }, { signal }))
    const path = `/containerLogs/${[namespace, name, container].map(encodeURIComponent).join('/')}?${query}`
    const answer = await agents.send(agent, { method: 'GET', path, headers: { host: agent.host }, signal })
    if (answer.statusCode !== 200) throw await toRefusal(answer)
    return { status: 200, headers, body: answer }
  }

  async #proxyToNode(streaming: StreamingRequest, request: ApiRequest): Promise<ApiResponse> {
    const { client, agents } = this.#options
    const { name } = parseTarget(streaming.name)
    const agent = addressOfAgent(await client.get(nodes, { name }, { signal: request.signal }))
    const path = `${streaming.rest === '' ? '/' : streaming.rest}${request.url.search}`
    return passOn(await agents.send(agent, { ...forwarded(request, agent.host), path }))
  }

  async #proxyToPod(streaming: StreamingRequest, request: ApiRequest): Promise<ApiResponse> {
    const { name, port } = parseTarget(streaming.name)
    const { namespace } = streaming
    const pod = await this.#options.client.get(pods, { namespace, name }, { signal: request.signal })
    const path = `${streaming.rest === '' ? '/' : streaming.rest}${request.url.search}`
    return passOn(await askPod(pod, portOf(pod, port), path, request))
  }
}

/** What is passed on of a request: nothing that could lend out the caller's rights. */
function forwarded({ method, headers, body, signal }: ApiRequest, host: string) {
  const { authorization: _, cookie: __, 'content-length': ___, ...rest } = endToEndHeaders(withoutUndefined(headers))
  const length = body.length > 0 && { 'content-length': String(body.length) }
  return { method, headers: { ...rest, ...length, host }, body, signal }
}

async function askPod(pod: Stored<Pod>, port: number, path: string, request: ApiRequest): Promise<IncomingMessage> {
  const host = pod.status?.podIP
  if (host === undefined || host === '') throw badRequest(`address not allowed: pod ${pod.metadata.name} has no IP`)
  const { body, ...options } = forwarded(request, `${host.includes(':') ? `[${host}]` : host}:${port}`)
  const answer = Promise.withResolvers<IncomingMessage>()
  const outgoing = httpRequest({ host, port, path, agent: false, timeout: 30_000, ...options })
  outgoing.once('response', answer.resolve)
  outgoing.once('timeout', () => outgoing.destroy(new Error('timed out')))
  outgoing.on('error', answer.reject)
  outgoing.end(body)
  return await answer.promise.catch((cause: Error) => {
    throw internalError(`error trying to reach pod ${pod.metadata.name}: ${cause.message}`, cause)
  })
}

function withoutUndefined(headers: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
