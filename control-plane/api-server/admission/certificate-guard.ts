// Who may ask which signer for what, who may approve and who may sign: rights on signers, beside those on the requests.
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization

import { isDeepStrictEqual } from 'node:util'
import { readRequest } from '../../../api/certificates/read-request.ts'
import { userSigner } from '../../../api/client/join/certificate-request.ts'
import type { CertificateSigningRequest } from '../../../api/generated/types.ts'
import { invalidValue } from '../../../api/objects/field-errors.ts'
import { bootstrappersGroup, mastersGroup } from '../../../api/objects/known-users.ts'
import { forbidden, invalid } from '../../../api/objects/status-error.ts'
import { certificateSigningRequests } from '../../../api/resources/certificate-signing-requests.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import { signersOfBootstrappers, signersOfNodes } from '../authorization/joining-roles.ts'
import { nodeNameOf } from '../authorization/node-authorizer.ts'
import type { Admission, AdmissionRequest } from './admission.ts'

/** The rule, over the rights there are. It cannot be left out. */
export function guardCertificates(authorizer: Authorizer): Admission {
  return {
    name: 'CertificateGuard',
    async admit(request) {
      const { verb, resource, subresource, object } = request
      if (resource !== certificateSigningRequests || object === undefined) return
      const csr = object as CertificateSigningRequest
      const old = (request.old ?? {}) as CertificateSigningRequest
      if (verb === 'create' && subresource === '') await checkRequest(request, csr)
      else if (subresource === 'approval') checkRight(request, authorizer, 'approve', old.spec.signerName)
      else if (subresource === 'status' && isSigning(csr, old))
        checkRight(request, authorizer, 'sign', old.spec.signerName)
    },
  }
}

async function checkRequest({ user, name }: AdmissionRequest, { spec }: CertificateSigningRequest): Promise<void> {
  if (typeof spec?.request !== 'string' || spec.request === '') return // validation says so
  const refuse = (why: string) => forbidden(certificateSigningRequests, name, why)
  const { commonName, organizations } = await parse(name, spec.request)
  if (spec.signerName === userSigner && organizations.includes(mastersGroup))
    throw refuse(`use of ${spec.signerName} signer with ${mastersGroup} group is not allowed`)
  if (user.groups.includes(bootstrappersGroup) && !signersOfBootstrappers.includes(spec.signerName))
    throw refuse(`a bootstrap token can only request certificates of ${signersOfBootstrappers.join(', ')}`)
  const node = nodeNameOf(user)
  if (node === undefined) return
  if (!signersOfNodes.includes(spec.signerName))
    throw refuse(`node "${node}" can only request certificates of ${signersOfNodes.join(', ')}`)
  if (commonName !== user.name) throw refuse(`can only create a node CSR with CN=${user.name}, not CN=${commonName}`)
}

async function parse(name: string, request: string) {
  try {
    return await readRequest(request)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw invalid(certificateSigningRequests, name, [invalidValue('spec.request', request, why)])
  }
}

/** Whether the signer's part of the status changes. */
function isSigning({ status }: CertificateSigningRequest, { status: old }: CertificateSigningRequest): boolean {
  const others = (conditions: NonNullable<typeof status>['conditions'] = []) =>
    conditions.filter(({ type }) => type !== 'Approved' && type !== 'Denied')
  return (
    (status?.certificate ?? '') !== (old?.certificate ?? '') ||
    !isDeepStrictEqual(others(status?.conditions), others(old?.conditions))
  )
}

/** Rights are on one signer, or on all of its domain. */
function checkRight(request: AdmissionRequest, authorizer: Authorizer, verb: 'approve' | 'sign', signer: string): void {
  const { user, name } = request
  const resource = { group: certificateSigningRequests.group, namespace: '', resource: 'signers', subresource: '' }
  const may = (signerName: string) => authorizer.authorize(user, { ...resource, verb, name: signerName }).allowed
  if (may(signer) || may(`${signer.split('/')[0]}/*`)) return
  throw forbidden(
    certificateSigningRequests,
    name,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`,
  )
}
