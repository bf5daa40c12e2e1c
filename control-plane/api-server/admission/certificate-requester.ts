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
  const { username: _, uid: __, groups: ___, extra: ____, ...asked } = spec
  const { name, uid, groups, extra } = user
  const requester = { username: name, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }) }
  for (const field of ['username', 'uid', 'groups', 'extra'] as const) delete spec[field]
  Object.assign(spec, asked, structuredClone(requester))
}

/** Clients say when they updated a condition; when it came to be so, the server knows. */
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
