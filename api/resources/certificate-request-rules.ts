// Rules for certificate signing requests. What the request itself says (PKCS #10) is read by admission, which may wait.
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/

import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
  CertificateSigningRequestSpec,
} from '../generated/types.ts'
import { duplicate, forbiddenField, invalidValue, notSupported, required } from '../objects/field-errors.ts'
import { whyNotDnsSubdomain } from '../objects/names.ts'
import type { Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'
import { keepAllButStatus } from './doors.ts'
import { mustBeOneOf, mustBeSet, mustBeUnique } from './rules.ts'

type Conditions = readonly CertificateSigningRequestCondition[]

const usages = [
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
]
const leastSeconds = 600
const decisions = ['Approved', 'Denied']
const lasting = [...decisions, 'Failed']

/** All that is wrong with a new request, but for its PKCS #10 part. */
export function validateRequest({ spec, status }: CertificateSigningRequest): FieldError[] {
  // Asked of whatever a client sent: the schema has refused wrong types, not what is missing.
  const given: Partial<CertificateSigningRequestSpec> = spec ?? {}
  const { signerName, request, usages: wanted = [], expirationSeconds: seconds } = given
  return [
    ...mustBeSet('spec.request', request),
    ...(wanted.length === 0 ? [required('spec.usages')] : []),
    ...wanted.flatMap((usage, index) =>
      usages.includes(usage) ? [] : [notSupported(`spec.usages[${index}]`, usage, usages)],
    ),
    ...mustBeUnique(wanted, (index) => `spec.usages[${index}]`),
    ...(seconds !== undefined && seconds < leastSeconds
      ? [
          invalidValue(
            'spec.expirationSeconds',
            seconds,
            'may not specify a duration less than 600 seconds (10 minutes)',
          ),
        ]
      : []),
    ...validateSignerName(signerName),
    ...validateConditions(status?.conditions ?? []),
  ]
}

function validateSignerName(name: string | undefined): FieldError[] {
  const field = 'spec.signerName'
  if (name === undefined || name === '') return [required(field)]
  if (name === 'kubernetes.io/legacy-unknown')
    return [invalidValue(field, name, 'the legacy signerName is not allowed via this API version')]
  const [domain = '', path = '', ...more] = name.split('/')
  const isQualified = more.length === 0 && path !== '' && domain.includes('.')
  if (!isQualified)
    return [
      invalidValue(field, name, 'must be a fully qualified domain and path of the form "example.com/signer-name"'),
    ]
  return [domain, path].flatMap((part) => {
    const why = whyNotDnsSubdomain(part)
    return why === undefined ? [] : [invalidValue(field, name, why)]
  })
}

function validateConditions(conditions: Conditions): FieldError[] {
  const path = 'status.conditions'
  const types = new Set(conditions.map(({ type }) => type))
  return [
    ...conditions.flatMap(({ type, status }, index) => [
      ...mustBeSet(`${path}[${index}].type`, type),
      ...mustBeSet(`${path}[${index}].status`, status),
      ...mustBeOneOf(
        `${path}[${index}].status`,
        status,
        lasting.includes(type) ? ['True'] : ['True', 'False', 'Unknown'],
      ),
    ]),
    ...conditions.flatMap(({ type }, index) =>
      conditions.findIndex((other) => other.type === type) < index ? [duplicate(`${path}[${index}].type`, type)] : [],
    ),
    ...(types.has('Approved') && types.has('Denied')
      ? [invalidValue(path, 'Denied', 'Approved and Denied conditions are mutually exclusive')]
      : []),
  ]
}

/** What was decided stays decided; the decision is made at /approval alone, and the certificate is written at /status once. */
export function validateRequestStatus(
  { status }: CertificateSigningRequest,
  { status: old }: Stored<CertificateSigningRequest>,
  door: 'status' | 'approval',
): FieldError[] {
  const [now, before] = [status?.conditions ?? [], old?.conditions ?? []]
  const ofType = (conditions: Conditions, type: string) => conditions.find((each) => each.type === type)
  const gone = lasting.filter((type) => ofType(before, type) !== undefined && ofType(now, type) === undefined)
  const added = decisions.filter((type) => ofType(before, type) === undefined && ofType(now, type) !== undefined)
  const certificate = status?.certificate ?? ''
  return [
    ...validateConditions(now),
    ...gone.map((type) => forbiddenField('status.conditions', `updates may not remove a condition of type "${type}"`)),
    ...(door === 'status'
      ? added.map((type) => forbiddenField('status.conditions', `updates may not add a condition of type "${type}"`))
      : []),
    ...(old?.certificate && certificate !== old.certificate
      ? [forbiddenField('status.certificate', 'updates may not modify a certificate that is set')]
      : []),
    ...(door === 'status' && certificate !== (old?.certificate ?? '') ? validateCertificate(certificate) : []),
  ]
}

function validateCertificate(base64: string): FieldError[] {
  if (base64 === '') return []
  const pem = Buffer.from(base64, 'base64').toString('utf8')
  const isPem = /^\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/.test(pem)
  return isPem
    ? []
    : [invalidValue('status.certificate', '<certificate data>', 'must contain PEM blocks of type CERTIFICATE')]
}

/** The /status door: a decision stays as it was made, word for word; only the approval door has it changed. */
export function keepAllButSigning(request: CertificateSigningRequest, old: Stored<CertificateSigningRequest>): void {
  keepAllButStatus(request, old)
  const decided = (old.status?.conditions ?? []).filter(({ type }) => decisions.includes(type))
  const conditions = request.status?.conditions?.map((each) => decided.find(({ type }) => type === each.type) ?? each)
  if (conditions !== undefined) request.status = { ...request.status, conditions }
}

/** The /approval door: conditions change, the certificate stays. */
export function keepAllButDecision(request: CertificateSigningRequest, old: Stored<CertificateSigningRequest>): void {
  keepAllButStatus(request, old)
  const certificate = old.status?.certificate
  request.status = { ...request.status, ...(certificate !== undefined && { certificate }) }
  if (certificate === undefined) delete request.status.certificate
}
