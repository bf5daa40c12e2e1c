// Asks the cluster for a certificate, and waits for it: a new key, a CertificateSigningRequest, an answer.
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/

import { createHash } from 'node:crypto'
import { ignore, isAlreadyExists, StatusError } from '../../objects/status-error.ts'
import { certificateSigningRequests } from '../../resources/certificate-signing-requests.ts'
import { pause } from '../alarm.ts'
import type { Client } from '../client.ts'

/** Who signs for whom: for users, for agents, for agents' servers. */
export const userSigner = 'kubernetes.io/kube-apiserver-client'
export const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
export const servingSigner = 'kubernetes.io/kubelet-serving'

/** What the certificate is to say, and how long to wait for it. */
export interface CertificateOptions {
  /** Such as clientSigner or servingSigner. */
  signerName: string
  /** Becomes the user's name: system:node:NAME. */
  commonName: string
  /** Become the user's groups: system:nodes. */
  organizations: readonly string[]
  /** DNS names and addresses that a server answers to. */
  names?: readonly string[]
  /** Such as "digital signature", "client auth", "server auth". */
  usages: readonly string[]
  /** Seconds, 600 at least; the signer may give less. Absent: as long as it likes, a year. */
  expirationSeconds?: number
  timeoutMs: number
  signal?: AbortSignal
}

/** PEM. */
export interface CertificateAndKey {
  certPem: string
  keyPem: string
}

/**
 * Makes a key, which never leaves this process, and has a certificate signed for it. An API server that does not answer is asked
 * again until the time is over. Throws an Error with the reason when the request is denied or fails, one that names the request
 * when there is no certificate in time, and StatusError when the server refuses.
 */
export async function requestCertificate(client: Client, options: CertificateOptions): Promise<CertificateAndKey> {
  const { timeoutMs, signal } = options
  // Loaded only now: the library takes 100 ms and 25 MB.
  const { makeKeyAndRequest } = await import('../../certificates/pkcs10.ts')
  const { keyPem, requestPem } = await makeKeyAndRequest(options)
  const request = makeRequest(options, requestPem)
  const limit = AbortSignal.timeout(timeoutMs)
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit])
  const explain = (what: string) => (error: unknown) => {
    if (!limit.aborted || signal?.aborted === true) throw error
    const why = error instanceof Error && error.name !== 'TimeoutError' ? ` (${error.message})` : ''
    throw new Error(
      `CertificateSigningRequest ${request.metadata.name}: ${what} within ${timeoutMs / 1000} s${why}; see kubectl get csr`,
      { cause: error },
    )
  }
  await untilAnswered(() => create(client, request, either), either).catch(explain('the API server did not take it'))
  const certPem = await untilAnswered(() => look(client, request, either), either).catch(explain('nobody signed it'))
  return { certPem, keyPem }
}

/** Its name is that of what it asks, so that it is there once, however often it has to be sent. */
function makeRequest({ signerName, usages, expirationSeconds }: CertificateOptions, requestPem: string) {
  const hash = createHash('sha256').update(requestPem).digest('hex')
  return {
    metadata: { name: `node-csr-${hash.slice(0, 20)}` },
    spec: {
      signerName,
      request: Buffer.from(requestPem).toString('base64'),
      usages: [...usages],
      ...(expirationSeconds !== undefined && { expirationSeconds }),
    },
  }
}

type Request = ReturnType<typeof makeRequest>

async function create(client: Client, request: Request, signal: AbortSignal): Promise<true> {
  await client.create(certificateSigningRequests, request, { signal }).catch(ignore(isAlreadyExists))
  return true
}

/** The certificate; undefined while there is none. Throws when there will be none. */
async function look(client: Client, { metadata }: Request, signal: AbortSignal): Promise<string | undefined> {
  const { status } = await client.get(certificateSigningRequests, metadata, { signal })
  const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed')
  if (refusal === undefined)
    return status?.certificate ? Buffer.from(status.certificate, 'base64').toString('utf8') : undefined
  const word = refusal.type === 'Denied' ? 'was denied' : 'failed'
  const why = refusal.message || refusal.reason || 'no reason given'
  throw new RequestRefused(`CertificateSigningRequest ${metadata.name} ${word}: ${why}`)
}

class RequestRefused extends Error {}

const firstWaitMs = 50
const longestWaitMs = 2_000

/**
 * Asks again and again until there is an answer, also after a failure that may pass: who has only a bootstrap token may get its own
 * request, but watch none. When the signal aborts, throws the failure of the last attempt, else the signal's reason.
 */
async function untilAnswered<T>(ask: () => Promise<T | undefined>, signal: AbortSignal): Promise<T> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    let failure: unknown
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error
      failure = error
    }
    await pause(waitMs, signal)
    if (signal.aborted) throw failure ?? signal.reason
  }
}

/** The server was not reached, or has no time just now. */
function mayPass(error: unknown): boolean {
  if (error instanceof StatusError) return error.status.code === 429 || error.status.code >= 500
  return !(error instanceof RequestRefused)
}
