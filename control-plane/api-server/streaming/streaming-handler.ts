// Logs and proxies: found out here whom they are for, and passed on to the agent of the pod's node, or through it to the
// pod's own server. Everything else goes to the inner handler.

import type { Client } from '../../../api/client/client.ts'
import { badRequest } from '../../../api/objects/status-error.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { services } from '../../../api/resources/services.ts'
import type { ApiRequest, ApiResponse, RequestHandler } from '../exchange.ts'
import { toErrorResponse } from '../serving/status-response.ts'
import { addressOfAgent } from './agent-address.ts'
import { passOn, toRefusal } from './agent-answer.ts'
import type { AgentConnections } from './agent-connection.ts'
import { type Backend, backendOfPod, backendOfService } from './backend.ts'
import { readLogQuery } from './log-options.ts'
import { chooseContainer } from './pod-container.ts'
import { type ProxyTarget, parseTarget } from './proxy-target.ts'
import { forwarded, relay } from './relay.ts'
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
      case 'service-proxy':
        return await this.#proxyToService(streaming, request)
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
    const target = parseTarget(streaming.name)
    const id = { namespace: streaming.namespace, name: target.name }
    const pod = await this.#options.client.get(pods, id, { signal: request.signal })
    return await this.#relay(backendOfPod(pod, target.port), target, streaming, request)
  }

  async #proxyToService(streaming: StreamingRequest, request: ApiRequest): Promise<ApiResponse> {
    const { client } = this.#options
    const target = parseTarget(streaming.name)
    const { namespace } = streaming
    const service = await client.get(services, { namespace, name: target.name }, { signal: request.signal })
    const labelSelector = `kubernetes.io/service-name=${target.name}`
    const { items } = await client.list(endpointSlices, { namespace, labelSelector, signal: request.signal })
    return await this.#relay(backendOfService(service, items, target), target, streaming, request)
  }

  async #relay(
    backend: Backend,
    { scheme }: ProxyTarget,
    { rest }: StreamingRequest,
    request: ApiRequest,
  ): Promise<ApiResponse> {
    const { client, agents } = this.#options
    const path = `${rest === '' ? '/' : rest}${request.url.search}`
    const name = backend.pod?.node
    const agent = name !== undefined && addressOfAgent(await client.get(nodes, { name }, { signal: request.signal }))
    return passOn(await relay({ backend, scheme, path, ...(agent && { agent }) }, request, agents))
  }
}
