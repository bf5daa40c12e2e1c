// What is known of a certificate request beside what it asks: decided or not, issued or not.

import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { toTimestamp } from '../timestamp.ts'

export type StoredRequest = Stored<CertificateSigningRequest>

/** The condition of this type, if the request has it. */
export function conditionOf(
  { status }: StoredRequest,
  wanted: 'Approved' | 'Denied' | 'Failed',
): CertificateSigningRequestCondition | undefined {
  return status?.conditions?.find(({ type, status: word }) => type === wanted && word === 'True')
}

/** True while an administrator or the approver may still decide. */
export function isPending(request: StoredRequest): boolean {
  return conditionOf(request, 'Approved') === undefined && conditionOf(request, 'Denied') === undefined
}

/** The request with one more condition. */
export function withCondition(
  request: StoredRequest,
  { type, reason, message }: { type: 'Approved' | 'Denied' | 'Failed'; reason: string; message: string },
  nowMs: number,
): StoredRequest {
  const condition = { type, status: 'True', reason, message, lastUpdateTime: toTimestamp(nowMs) }
  return { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), condition] } }
}
