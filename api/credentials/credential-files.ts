// Keys and certificates on disk. A file is there whole or not at all, and so is a pair: both new files lie ready before the
// first takes its place, and whoever reads finishes what a crash between the two left half.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { putInPlace, temporaryOf, writeDurably, writeReady } from '../files/durable-file.ts'

const ownersOnly = 0o600

/** A certificate and its private key, PEM. */
export interface KeyPair {
  cert: string
  key: string
}

/** Where a pair lies. */
export interface CredentialFiles {
  certFile: string
  keyFile: string
}

/** NAME.crt and NAME.key in a directory. */
export function filesOf(directory: string, name: string): CredentialFiles {
  return { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) }
}

/** The pair in these files, or undefined if it is not whole. */
export function readPair(files: CredentialFiles): KeyPair | undefined {
  const { certFile, keyFile } = files
  if (!existsSync(keyFile)) return undefined
  const key = readFileSync(keyFile, 'utf8')
  // The key takes its place first: if the certificate does not fit, the one that lies ready may.
  for (const file of [certFile, temporaryOf(certFile)]) {
    const pair = existsSync(file) ? { cert: readFileSync(file, 'utf8'), key } : undefined
    if (pair === undefined || !isWhole(pair)) continue
    if (file !== certFile) putInPlace(certFile)
    return pair
  }
  return undefined
}

/** Puts the pair there, for its owner's eyes only. After a crash readPair gives the old one or the new. */
export function writePair({ certFile, keyFile }: CredentialFiles, { cert, key }: KeyPair): void {
  writeReady(certFile, cert, ownersOnly)
  writeReady(keyFile, key, ownersOnly)
  putInPlace(keyFile)
  putInPlace(certFile)
}

/** Replaces a file at once and for good, for its owner's eyes only: after a crash it has the old content or the new. */
export function writeSecret(file: string, content: string): void {
  writeDurably(file, content, ownersOnly)
}

/** DNS names and addresses of a certificate, sorted. */
export function namesIn({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''))
  return names
    .filter((name) => name !== '')
    .map(toShortName)
    .sort()
}

function isWhole({ cert, key }: KeyPair): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false // not PEM: not one of ours, or damaged
  }
}

/** A name as it is, an IPv6 address in its short form: OpenSSL writes ::1 as 0:0:0:0:0:0:0:1. */
export function toShortName(name: string): string {
  return name.includes(':') ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name
}
