// Signs what was approved, with the cluster's authority, for the signers that every cluster has.

import type { CertificateOrder } from '../../../api/certificates/certificate-order.ts'
import { readRequest } from '../../../api/certificates/read-request.ts'
import type { WorkQueue } from '../../../api/client/work-queue.ts'
import { certificateSigningRequests } from '../../../api/resources/certificate-signing-requests.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'
import { conditionOf, type StoredRequest, withCondition } from './request-state.ts'
import { isOurs, whyNotSigned } from './signer-rules.ts'

/** Who signs: holds the authority's key, and looks at nothing. */
export interface CertificateAuthority {
  /** The certificate, PEM. */
  sign(order: CertificateOrder): Promise<string>
}

/** A year: what a request gets that does not say, and the most that any gets. */
const longestSeconds = 365 * 24 * 60 * 60

export class CertificateSigner implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue
  readonly #authority: CertificateAuthority

  constructor(context: ControllerContext, authority: CertificateAuthority) {
    this.#context = context
    this.#authority = authority
    this.#queue = makeQueue('certificate signer', context.log, (key) => this.reconcile(key))
    context.view.certificateSigningRequests.onChange(({ object }) => {
      if (object !== undefined && isDue(object)) this.#queue.add(object.metadata.name)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Signs one request, or says why it never will. */
  async reconcile(name: string): Promise<void> {
    const { client, view, now } = this.#context
    const request = view.certificateSigningRequests.get(name)
    if (request === undefined || !isDue(request)) return
    const parsed = await readRequest(request.spec.request)
    const { signerName, usages = [], expirationSeconds = longestSeconds } = request.spec
    const isSigned = await parsed.isSigned().catch(() => false) // an algorithm that nobody here knows
    const why = isSigned
      ? whyNotSigned(signerName, parsed, usages)
      : 'the request is not signed by the key that it is for'
    if (why !== undefined) {
      const failure = { type: 'Failed', reason: 'SignerValidationFailure', message: why } as const
      await client.update(certificateSigningRequests, withCondition(request, failure, now()), { subresource: 'status' })
      return
    }
    const certificate = await this.#authority.sign({
      ...parsed,
      names: [...parsed.dnsNames, ...parsed.addresses],
      usages,
      lifeSeconds: Math.min(expirationSeconds, longestSeconds),
    })
    const status = { ...request.status, certificate: Buffer.from(certificate).toString('base64') }
    await client.update(certificateSigningRequests, { ...request, status }, { subresource: 'status' })
  }
}

function isDue(request: StoredRequest): boolean {
  return (
    isOurs(request.spec.signerName) &&
    !request.status?.certificate &&
    conditionOf(request, 'Approved') !== undefined &&
    conditionOf(request, 'Denied') === undefined &&
    conditionOf(request, 'Failed') === undefined
  )
}
