// Keys and certificates on disk. A file is there whole or not at all; of a pair the key comes first, so that a pair that a
// crash left half is recognised by its certificate, which is missing or belongs to another key, and is made again.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { KeyPair } from './certificates.ts'

const renewalMs = 30 * 24 * 60 * 60 * 1000

/** The pair that a directory holds under a name, or undefined if it is not whole. */
export function readPair(directory: string, name: string): KeyPair | undefined {
  const [certFile, keyFile] = filesOf(directory, name)
  if (!existsSync(certFile) || !existsSync(keyFile)) return undefined
  const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  return isWhole(pair) ? pair : undefined
}

/** Puts the pair there, for its owner's eyes only. */
export function writePair(directory: string, name: string, { cert, key }: KeyPair): void {
  const [certFile, keyFile] = filesOf(directory, name)
  writeSecret(keyFile, key)
  writeSecret(certFile, cert)
}

/** Replaces a file at once and for good: after a crash it has the old content or the new. */
export function writeSecret(file: string, content: string): void {
  const temporary = `${file}.new`
  const descriptor = openSync(temporary, 'w', 0o600)
  try {
    writeSync(descriptor, content)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, file)
  syncDirectory(dirname(file))
}

/** True if the pair was signed by the authority, does not end soon, and names exactly these. */
export function isCurrent(pair: KeyPair, authorityCert: string, names: readonly string[]): boolean {
  const certificate = new X509Certificate(pair.cert)
  const lastsMs = certificate.validToDate.getTime() - Date.now()
  return (
    certificate.verify(new X509Certificate(authorityCert).publicKey) &&
    lastsMs > renewalMs &&
    namesIn(certificate).join() === [...new Set(names)].sort().join()
  )
}

/** DNS names and addresses of a certificate, sorted. */
export function namesIn({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''))
  return names
    .filter((name) => name !== '')
    .map(shortenAddress)
    .sort()
}

function isWhole({ cert, key }: KeyPair): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false // not PEM: not one of ours, or damaged
  }
}

// OpenSSL writes ::1 as 0:0:0:0:0:0:0:1.
function shortenAddress(name: string): string {
  return name.includes(':') ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

function filesOf(directory: string, name: string): [string, string] {
  return [join(directory, `${name}.crt`), join(directory, `${name}.key`)]
}
