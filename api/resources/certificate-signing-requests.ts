import type { CertificateSigningRequest } from '../generated/types.ts'
import { formatAge } from '../objects/age.ts'
import type { Stored } from '../objects/object.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import {
  keepAllButDecision,
  keepAllButSigning,
  validateRequest,
  validateRequestStatus,
} from './certificate-request-rules.ts'
import type { Resource } from './resource.ts'

export const certificateSigningRequests: Resource<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  singular: 'certificatesigningrequest',
  shortNames: ['csr'],
  categories: [],
  namespaced: false,
  subresources: ['status', 'approval'],
  definition: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
  storagePath: 'certificatesigningrequests',
  prepareForCreate(request) {
    request.status = {}
  },
  prepareForUpdate(request, old) {
    request.spec = old.spec
    request.status = old.status ?? {}
  },
  prepareForStatusUpdate: keepAllButSigning,
  prepareForApproval: keepAllButDecision,
  validate: validateRequest,
  validateStatusUpdate: validateRequestStatus,
  columns: [
    nameColumn,
    ageColumn,
    {
      name: 'SignerName',
      type: 'string',
      description: 'Who is asked to sign.',
      cell: ({ spec }) => spec.signerName ?? '',
    },
    {
      name: 'Requestor',
      type: 'string',
      description: 'The user that asks.',
      cell: ({ spec }) => spec.username ?? '',
    },
    {
      name: 'RequestedDuration',
      type: 'string',
      description: 'How long the certificate shall last.',
      cell: ({ spec: { expirationSeconds } }) =>
        expirationSeconds === undefined ? none : formatAge(0, expirationSeconds * 1000),
    },
    { name: 'Condition', type: 'string', description: 'What became of it.', cell: conditionCell },
  ],
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
}

function conditionCell({ status }: Stored<CertificateSigningRequest>): string {
  const has = (wanted: string) => status?.conditions?.some(({ type }) => type === wanted) === true
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',')
}
