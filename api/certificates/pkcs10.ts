// Certificate requests (PKCS #10, RFC 2986): made by who wants a certificate, read by who checks and signs. Load it only
// when there is one: its library takes 100 ms and 25 MB.

import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  type GeneralName,
  type JsonGeneralName,
  PemConverter,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const pemLabel = 'CERTIFICATE REQUEST'
/** RFC 5280, section 4.2.1.6. */
const alternativeNamesId = '2.5.29.17'

/** Whom a request is for. */
export interface RequestSubject {
  commonName: string
  organizations: readonly string[]
  /** DNS names and addresses. */
  names?: readonly string[]
}

/** A new EC P-256 key and a request that it signs, PEM. */
export async function makeKeyAndRequest({
  commonName,
  organizations,
  names = [],
}: RequestSubject): Promise<{ keyPem: string; requestPem: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const alternatives = names.map((value): JsonGeneralName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: alternatives.length > 0 ? [new SubjectAlternativeNameExtension(alternatives)] : [],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { keyPem: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`, requestPem: `${request.toString('pem')}\n` }
}

/** What a request says. */
export interface ParsedRequest {
  commonName: string
  organizations: string[]
  /** Whether the subject has fields beside CN and O. */
  hasOtherFields: boolean
  dnsNames: string[]
  addresses: string[]
  /** Names of other kinds, such as mail addresses and URIs. */
  otherNames: string[]
  /** Whether the key that it is for signed it. */
  isSigned(): Promise<boolean>
  /** DER of the public key (SubjectPublicKeyInfo). */
  publicKey: Uint8Array<ArrayBuffer>
}

/** Reads one request in PEM. Throws an Error that says why it is none. */
export function parseRequest(pem: string): ParsedRequest {
  const blocks = PemConverter.isPem(pem) ? PemConverter.decodeWithHeaders(pem) : []
  const [block] = blocks
  if (block === undefined || block.type !== pemLabel) throw new Error(`PEM block type must be ${pemLabel}`)
  const request = new Pkcs10CertificateRequest(block.rawData)
  const extension = request.getExtension(alternativeNamesId)
  const names = extension instanceof SubjectAlternativeNameExtension ? extension.names.items : []
  const ofType = (wanted: string) => names.filter(({ type }) => type === wanted).map(textOf)
  const fields = request.subjectName.toJSON().flatMap((part) => Object.entries(part))
  const valuesOf = (name: string) => fields.flatMap(([field, values]) => (field === name ? values : []))
  return {
    commonName: valuesOf('CN').at(-1) ?? '',
    organizations: valuesOf('O'),
    hasOtherFields: fields.some(([field]) => field !== 'CN' && field !== 'O') || valuesOf('CN').length > 1,
    dnsNames: ofType('dns'),
    addresses: ofType('ip'),
    otherNames: names.filter(({ type }) => type !== 'dns' && type !== 'ip').map(textOf),
    isSigned: () => request.verify(),
    publicKey: new Uint8Array(request.publicKey.rawData),
  }
}

const textOf = ({ value }: GeneralName) => value
