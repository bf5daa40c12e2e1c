// Makes keys and certificates: EC P-256, PEM. Nothing here touches a file. Load it only when something is to be made: its
// library takes 100 ms and 30 MB.

import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { CertificateOrder } from '../../api/certificates/certificate-order.ts'
import type { KeyPair } from '../../api/credentials/credential-files.ts'

/** What a certificate is to say. */
export interface CertificateRequest {
  /** Becomes the user's name. */
  commonName: string
  /** Become the user's groups. */
  organizations?: readonly string[]
  usage: 'server' | 'client'
  /** DNS names and addresses that a server answers to. */
  names?: readonly string[]
  /** How long it lasts from now on; absent: a year. */
  lifeMs?: number
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 24 * 60 * 60 * 1000
const caLifeMs = 3650 * dayMs
const certificateLifeMs = 365 * dayMs
/** Certificates hold from a little earlier on, as clocks differ. */
const skewMs = 5 * 60 * 1000
const keyUsages: readonly [usage: string, flag: KeyUsageFlags][] = [
  ['digital signature', KeyUsageFlags.digitalSignature],
  ['key encipherment', KeyUsageFlags.keyEncipherment],
]
const purposes: readonly [usage: string, purpose: ExtendedKeyUsage][] = [
  ['client auth', ExtendedKeyUsage.clientAuth],
  ['server auth', ExtendedKeyUsage.serverAuth],
]

export async function makeAuthority(commonName: string): Promise<KeyPair> {
  const keys = await makeKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    ...validity(caLifeMs),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: toPem(certificate), key: await exportKey(keys.privateKey) }
}

/** Signs a certificate for a key that somebody else holds; returns it in PEM. */
export async function signCertificate(authority: KeyPair, order: CertificateOrder): Promise<string> {
  const { usages, publicKey, lifeSeconds } = order
  const flags = keyUsages.filter(([usage]) => usages.includes(usage)).reduce((sum, [, flag]) => sum | flag, 0)
  const certificate = await sign(authority, new PublicKey(publicKey), {
    ...order,
    purposes: purposes.filter(([usage]) => usages.includes(usage)).map(([, purpose]) => purpose),
    keyUsage: flags === 0 ? KeyUsageFlags.digitalSignature : flags,
    lifeMs: lifeSeconds * 1000,
  })
  return toPem(certificate)
}

/** Signs a certificate for a new key with the authority. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const keys = await makeKeys()
  const { commonName, organizations = [], usage, names = [], lifeMs = certificateLifeMs } = request
  const certificate = await sign(authority, new PublicKey(await webcrypto.subtle.exportKey('spki', keys.publicKey)), {
    commonName,
    organizations,
    names,
    purposes: [usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth],
    keyUsage: KeyUsageFlags.digitalSignature,
    lifeMs,
  })
  return { cert: toPem(certificate), key: await exportKey(keys.privateKey) }
}

interface Content {
  commonName: string
  organizations: readonly string[]
  names: readonly string[]
  purposes: ExtendedKeyUsage[]
  keyUsage: KeyUsageFlags
  lifeMs: number
}

async function sign(authority: KeyPair, publicKey: PublicKey, content: Content): Promise<X509Certificate> {
  const issuer = new X509Certificate(authority.cert)
  const { commonName, organizations, lifeMs } = content
  const { notBefore, notAfter } = validity(lifeMs)
  return await X509CertificateGenerator.create({
    subject: new Name([...organizations.map((name) => ({ O: [verbatim(name)] })), { CN: [verbatim(commonName)] }]),
    issuer: issuer.subjectName.toJSON(),
    publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: algorithm,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    extensions: await extensionsOf(content, issuer, publicKey),
  })
}

/** A bare string would be read: "#" begins DER in hexadecimal, which says another name than the one that was checked. */
function verbatim(name: string): { utf8String: string } {
  return { utf8String: name }
}

async function extensionsOf(
  { purposes, keyUsage, names }: Content,
  issuer: X509Certificate,
  publicKey: PublicKey,
): Promise<Extension[]> {
  const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(keyUsage, true),
    new ExtendedKeyUsageExtension(purposes),
    await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    await SubjectKeyIdentifierExtension.create(publicKey),
    ...(alternatives.length > 0 ? [new SubjectAlternativeNameExtension(alternatives)] : []),
  ]
}

function validity(lifeMs: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - skewMs), notAfter: new Date(now + lifeMs) }
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

function toPem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = PemConverter.decode(pem)
  if (der === undefined) throw new Error('the authority has no private key')
  return await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}
