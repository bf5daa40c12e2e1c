// Writes into each new certificate request who asks, as authentication found out, and into its conditions when they changed.

import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../../api/generated/types.ts'
import { certificateSigningRequests } from '../../../api/resources/certificate-signing-requests.ts'
import { timestamp } from '../writes.ts'
import type { Admission, AdmissionRequest } from './admission.ts'

/** Whatever the client says of the requester does not count: approvers and signers rely on it. */
export const certificateRequester: Admission = {
  name: 'CertificateRequester',
  admit(request) {
    const { verb, resource, subresource, object, old } = request
    if (resource !== certificateSigningRequests || object === undefined) return
    const csr = object as CertificateSigningRequest
    if (verb === 'create' && subresource === '') setRequester(csr, request)
    else if (subresource !== '') setTimes(csr, old as CertificateSigningRequest | undefined)
  },
}

function setRequester({ spec }: CertificateSigningRequest, { user }: AdmissionRequest): void {
  if (spec === undefined) return
  const { name: username, ...requester } = structuredClone(user)
  for (const field of ['uid', 'extra'] as const) delete spec[field]
  Object.assign(spec, { ...requester, username })
}

/** Clients may say when a condition was updated and came to be so; else it is now, or, of one that is as it was, as before. */
function setTimes({ status }: CertificateSigningRequest, old: CertificateSigningRequest | undefined): void {
  const now = timestamp()
  const before = new Map((old?.status?.conditions ?? []).map((condition) => [condition.type, condition]))
  for (const condition of status?.conditions ?? []) complete(condition, before.get(condition.type), now)
}

function complete(
  condition: CertificateSigningRequestCondition,
  old: CertificateSigningRequestCondition | undefined,
  now: string,
): void {
  condition.lastUpdateTime ??= now
  const kept = old?.status === condition.status ? old.lastTransitionTime : undefined
  condition.lastTransitionTime ??= kept ?? now
}
