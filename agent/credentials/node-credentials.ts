// The agent's two certificates: by one the API server knows the agent, by the other the agent is known to the API server.
// Both are read here at the start and renewed while the agent runs.

import ipaddr from 'ipaddr.js'
import type { Client } from '../../api/client/client.ts'
import { clientSigner, servingSigner } from '../../api/client/join/certificate-request.ts'
import { type CredentialFiles, type KeyPair, readPair } from '../../api/credentials/credential-files.ts'
import { nodeSubject } from '../../api/objects/known-users.ts'
import { keepRenewed, type RenewalOptions } from './renewal.ts'

export interface NodeCredentialsOptions {
  nodeName: string
  /** Addresses under which the agent is reached. */
  nodeIps: readonly string[]
  /** URL of the API server: its address is signed for nobody else, also not for a node on the same host, which may reach it by loopback. */
  serverUrl: string
  /** Where the client's pair lies; absent when it is inside the kubeconfig, where it is not renewed. */
  clientFiles: CredentialFiles | undefined
  serverFiles: CredentialFiles
  /** How long new certificates are to last; absent: as the cluster has it. */
  lifeSeconds?: number
}

/** Who takes new pairs into use. */
export interface CredentialUsers {
  client: Client
  onClient: (pair: KeyPair) => void
  onServer: (pair: KeyPair) => void
  onError: (error: unknown) => void
}

export class NodeCredentials {
  readonly #options: NodeCredentialsOptions
  /** The client's pair as it was at the start; undefined when it is inside the kubeconfig. */
  readonly client: KeyPair | undefined
  /** The server's pair as it was at the start. */
  readonly server: KeyPair

  /** Reads both. Throws when one is not there or not whole. */
  constructor(options: NodeCredentialsOptions) {
    const { clientFiles, serverFiles } = options
    this.#options = options
    this.client = clientFiles && readWhole(clientFiles)
    this.server = readWhole(serverFiles)
  }

  /** Renews both in time until the signal aborts. */
  async run({ client, onClient, onServer, onError }: CredentialUsers, signal: AbortSignal): Promise<void> {
    const { clientFiles, serverFiles } = this.#options
    const own = { ...this.#subject(), usages: ['digital signature', 'client auth'], signerName: clientSigner }
    const serving = {
      ...this.#subject(),
      usages: ['digital signature', 'server auth'],
      signerName: servingSigner,
      names: this.#names(),
    }
    const keep = (options: Omit<RenewalOptions, 'client' | 'onError'>) =>
      keepRenewed({ ...options, client, onError }, signal)
    await Promise.all([
      clientFiles && this.client
        ? keep({ current: this.client, files: clientFiles, request: own, onRenewed: onClient })
        : undefined,
      keep({ current: this.server, files: serverFiles, request: serving, onRenewed: onServer }),
    ])
  }

  #subject() {
    const { nodeName, lifeSeconds } = this.#options
    return {
      ...nodeSubject(nodeName),
      ...(lifeSeconds !== undefined && { expirationSeconds: lifeSeconds }),
    }
  }

  #names(): string[] {
    const { nodeName, nodeIps, serverUrl } = this.#options
    const server = new URL(serverUrl).hostname.replace(/^\[|\]$/g, '')
    return isLoopback(server) ? [nodeName] : [nodeName, ...nodeIps.filter((address) => address !== server)]
  }
}

const isLoopback = (host: string) => ipaddr.isValid(host) && ipaddr.parse(host).range() === 'loopback'

function readWhole(files: CredentialFiles): KeyPair {
  const pair = readPair(files)
  if (pair !== undefined) return pair
  throw new Error(`${files.certFile} and ${files.keyFile} are not a certificate and its key: join this host anew`)
}
