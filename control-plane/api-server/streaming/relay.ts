// Sends a request on to a pod or an endpoint. A pod is reached by a tunnel through the agent of its node: the control plane
// needs no route to pods. TLS ends at the pod, whose certificate nobody here could check, as in Kubernetes.

import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectPlain } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { internalError } from '../../../api/objects/status-error.ts'
import type { ApiRequest } from '../exchange.ts'
import type { AgentAddress } from './agent-address.ts'
import { endToEndHeaders } from './agent-answer.ts'
import type { AgentConnections } from './agent-connection.ts'
import type { Backend } from './backend.ts'

const defaultAnswerTimeoutMs = 30_000

export interface RelayTarget {
  backend: Backend
  scheme: 'http' | 'https'
  /** Path and query there. */
  path: string
  /** The agent of the backend's node, when the backend is a pod. */
  agent?: AgentAddress
  /** How long the head of the answer may take. What follows may be silent for ever, as a watch is. */
  answerTimeoutMs?: number
}

/** The head of the answer; its body is a stream. Throws InternalError when there is none. */
export async function relay(
  { backend, scheme, path, agent, answerTimeoutMs = defaultAnswerTimeoutMs }: RelayTarget,
  request: ApiRequest,
  agents: AgentConnections,
): Promise<IncomingMessage> {
  const { host, port } = backend
  const name = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const { body, ...options } = forwarded(request, name)
  const socket = await open(backend, agent, agents, request.signal)
  const secure = scheme === 'https' ? connectTls({ socket, rejectUnauthorized: false }) : socket
  const answer = Promise.withResolvers<IncomingMessage>()
  const outgoing = httpRequest({ path, ...options, createConnection: () => secure })
  outgoing.setTimeout(answerTimeoutMs, () => outgoing.destroy(new Error('timed out')))
  outgoing.once('response', (message) => {
    outgoing.setTimeout(0)
    answer.resolve(message)
  })
  outgoing.on('error', answer.reject)
  outgoing.end(body)
  return await answer.promise.catch((cause: Error) => {
    throw internalError(`error trying to reach ${name}: ${cause.message}`, cause)
  })
}

async function open(
  { host, port, pod }: Backend,
  agent: AgentAddress | undefined,
  agents: AgentConnections,
  signal: AbortSignal,
): Promise<Duplex> {
  if (pod === undefined || agent === undefined) return connectPlain({ host, port, signal })
  const path = `/tunnel/${encodeURIComponent(pod.namespace)}/${encodeURIComponent(pod.name)}?port=${port}`
  return await agents.tunnel(agent, path, signal)
}

/** What is passed on of a request: nothing that could lend out the caller's rights. */
export function forwarded({ method, headers, body, signal }: ApiRequest, host: string) {
  const { authorization: _, cookie: __, 'content-length': ___, ...rest } = endToEndHeaders(headers)
  const length = body.length > 0 && { 'content-length': String(body.length) }
  return { method, headers: { ...rest, ...length, host }, body, signal }
}
