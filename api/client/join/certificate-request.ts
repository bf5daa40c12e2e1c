// Asks the cluster for a certificate, and waits for it: a new key, a CertificateSigningRequest, an answer.
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/

import { setTimeout as sleep } from 'node:timers/promises'
import type { CertificateSigningRequest } from '../../generated/types.ts'
import type { Stored } from '../../objects/object.ts'
import { certificateSigningRequests } from '../../resources/certificate-signing-requests.ts'
import type { Client } from '../client.ts'

/** Who signs for whom. */
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
 * Makes a key, which never leaves this process, and has a certificate signed for it. Throws an Error with the reason when
 * the request is denied or fails, and one that names the request when nobody has decided in time.
 */
export async function requestCertificate(client: Client, options: CertificateOptions): Promise<CertificateAndKey> {
  const { signerName, usages, expirationSeconds, timeoutMs, signal } = options
  // Loaded only now: the library takes 100 ms and 25 MB.
  const { makeKeyAndRequest } = await import('../../certificates/pkcs10.ts')
  const { keyPem, requestPem } = await makeKeyAndRequest(options)
  const limit = AbortSignal.timeout(timeoutMs)
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit])
  const created = await client.create(
    certificateSigningRequests,
    {
      metadata: { generateName: 'node-csr-' },
      spec: {
        signerName,
        request: Buffer.from(requestPem).toString('base64'),
        usages: [...usages],
        ...(expirationSeconds !== undefined && { expirationSeconds }),
      },
    },
    { signal: either },
  )
  const certPem = await awaitCertificate(client, created, either).catch((error: unknown) => {
    if (!limit.aborted || signal?.aborted === true) throw error
    throw new Error(
      `CertificateSigningRequest ${created.metadata.name}: nobody signed it within ${timeoutMs / 1000} s; see kubectl get csr`,
      { cause: error },
    )
  })
  return { certPem, keyPem }
}

const firstLookMs = 50
const longestLookMs = 2_000

/** Looks again and again: who has only a bootstrap token may get its own request, but watch none. */
async function awaitCertificate(
  client: Client,
  { metadata: { name } }: Stored<CertificateSigningRequest>,
  signal: AbortSignal,
): Promise<string> {
  for (let lookMs = firstLookMs; ; lookMs = Math.min(lookMs * 2, longestLookMs)) {
    await sleep(lookMs, undefined, { signal })
    const { status } = await client.get(certificateSigningRequests, { name }, { signal })
    const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed')
    if (refusal !== undefined) {
      const word = refusal.type === 'Denied' ? 'was denied' : 'failed'
      throw new Error(
        `CertificateSigningRequest ${name} ${word}: ${refusal.message || refusal.reason || 'no reason given'}`,
      )
    }
    if (status?.certificate) return Buffer.from(status.certificate, 'base64').toString('utf8')
  }
}
