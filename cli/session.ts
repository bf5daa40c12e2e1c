// What a verb works with: the cluster that the flags and the kubeconfig choose, and the ways to speak to it.

import type { Command } from 'commander'
import { HttpClient, toStatusError } from '../api/client/http-client.ts'
import { type Kubeconfig, loadKubeconfig } from '../api/client/kubeconfig.ts'
import { readAll, readLines } from '../api/client/read-body.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import type { TransportResponse } from '../api/client/transport.ts'
import type { Status } from '../api/generated/types.ts'
import { StatusError } from '../api/objects/status-error.ts'
import { Discovery } from './discovery.ts'

/** Flags that every verb has. */
export interface GlobalOptions {
  kubeconfig?: string
  context?: string
  namespace?: string
}

/** One run of a verb against one cluster. */
export class Session {
  readonly kubeconfig: Kubeconfig
  readonly transport: TlsTransport
  readonly client: HttpClient
  readonly discovery: Discovery
  readonly namespace: string
  /** True if the user named the namespace, so that a manifest with another one is a mistake. */
  readonly isNamespaceGiven: boolean

  constructor({ kubeconfig, context, namespace }: GlobalOptions) {
    this.kubeconfig = loadKubeconfig(kubeconfig, context)
    this.transport = new TlsTransport(this.kubeconfig)
    this.client = new HttpClient(this.transport)
    this.discovery = new Discovery((path) => this.fetchJson(path))
    this.namespace = namespace ?? this.kubeconfig.namespace
    this.isNamespaceGiven = namespace !== undefined
  }

  /** The parsed body of a GET. Throws StatusError. */
  async fetchJson<T>(path: string, accept = 'application/json'): Promise<T> {
    return JSON.parse(await readAll((await this.open(path, accept)).body))
  }

  /** The events of a watch, in whatever form was asked for, until the server ends it. */
  async *watchJson<T>(path: string, accept: string): AsyncGenerator<{ type: string; object: T }> {
    for await (const line of readLines((await this.open(path, accept)).body)) {
      const event: { type: string; object: T } = JSON.parse(line)
      if (event.type === 'ERROR') throw StatusError.from(event.object as Status)
      yield event
    }
  }

  /** The answer to a GET, its body still to be read. Throws StatusError. */
  async open(path: string, accept = '*/*'): Promise<TransportResponse> {
    const response = await this.transport.send({ method: 'GET', path, headers: { accept } })
    if (response.status >= 400) throw await toStatusError(response)
    return response
  }
}

/** Makes a commander action of a function that needs a session. */
export function inSession<Args extends unknown[]>(
  act: (session: Session, ...args: Args) => Promise<void>,
): (...args: [...Args, Command]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command
    // Flags that a verb shares with its parts (create and create service) are found by whichever comes first.
    const args = [...all.slice(0, -2), command.optsWithGlobals()] as unknown as Args
    const session = new Session(command.optsWithGlobals<GlobalOptions>())
    try {
      await act(session, ...args)
    } finally {
      await session.transport.close()
    }
  }
}
