// The agents' part of `fairlead net`, reached through the API server's node proxy.

import { toStatusError } from '../../api/client/http-client.ts'
import { readAll } from '../../api/client/read-body.ts'
import type { TransportResponse } from '../../api/client/transport.ts'
import type { SeenAnswer, SendAnswer, SendRequest, WatchRequest } from '../../api/net/probe.ts'
import {
  repairPath,
  seenPath,
  sendPath,
  statePath,
  type VerifyAnswer,
  verifyPath,
  watchPath,
} from '../../api/net/requests.ts'
import type { NamespaceState } from '../../api/net/state.ts'
import type { Session } from '../session.ts'

export class NodeAgents {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  /** Pictures of the node's own namespace and of these pods on it. */
  async states(node: string, podKeys: readonly string[], addresses: readonly string[]): Promise<NamespaceState[]> {
    const query = new URLSearchParams([
      ...podKeys.map((pod): [string, string] => ['pod', pod]),
      ...addresses.map((address): [string, string] => ['address', address]),
    ])
    return await this.json('GET', node, `${statePath}?${query}`)
  }

  async verify(node: string): Promise<VerifyAnswer> {
    return await this.json('GET', node, verifyPath)
  }

  async repair(node: string): Promise<VerifyAnswer> {
    return await this.json('POST', node, repairPath)
  }

  /** Counts marked packets on the node and in these pods on it, until seen() is asked. */
  async watch(node: string, request: WatchRequest): Promise<void> {
    await this.json('POST', node, watchPath, request)
  }

  /** What a watch has counted; it ends with that. */
  async seen(node: string, id: string): Promise<SeenAnswer> {
    return await this.json('GET', node, `${seenPath}?id=${id}`)
  }

  /** Has the node send one packet, of its own or from one of its pods. */
  async sendPacket(node: string, request: SendRequest): Promise<SendAnswer> {
    return await this.json('POST', node, sendPath, request)
  }

  /** Sends a request to the node's agent. Throws StatusError. */
  async send(
    method: 'GET' | 'POST',
    node: string,
    path: string,
    body?: object,
    signal?: AbortSignal,
  ): Promise<TransportResponse> {
    const response = await this.#session.transport.send({
      method,
      path: `/api/v1/nodes/${encodeURIComponent(node)}/proxy${path}`,
      headers: { accept: '*/*', ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    })
    if (response.status >= 400) throw await toStatusError(response)
    return response
  }

  /** The same, with a JSON answer. */
  async json<T>(method: 'GET' | 'POST', node: string, path: string, body?: object): Promise<T> {
    return JSON.parse(await readAll((await this.send(method, node, path, body)).body))
  }
}
