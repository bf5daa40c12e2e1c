import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { type CredentialFiles, filesOf, type KeyPair, readPair, writePair } from './credential-files.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-credentials-'))
afterAll(() => rmSync(root, { recursive: true }))
const [old, next] = [await makePair(), await makePair()]
let files: CredentialFiles

async function makePair(): Promise<KeyPair> {
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({ name: 'CN=n', keys, signingAlgorithm })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') }
}

beforeEach(() => {
  files = filesOf(mkdtempSync(join(root, 'pair-')), 'client')
  writePair(files, old)
})

test('a pair is replaced as a whole, for its owner alone', () => {
  writePair(files, next)
  expect(readPair(files)).toEqual(next)
  for (const file of Object.values(files)) expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a crash before the key took its place leaves the old pair', () => {
  writeFileSync(`${files.certFile}.new`, next.cert)
  writeFileSync(`${files.keyFile}.new`, next.key.slice(0, 20))
  expect(readPair(files)).toEqual(old)
})

test('a crash between key and certificate is finished by whoever reads', () => {
  writeFileSync(`${files.certFile}.new`, next.cert)
  writeFileSync(`${files.keyFile}.new`, next.key)
  renameSync(`${files.keyFile}.new`, files.keyFile)
  expect(readPair(files)).toEqual(next)
  expect(readFileSync(files.certFile, 'utf8')).toBe(next.cert)
})

test('a certificate of another key is no pair, and a file that is missing neither', () => {
  const other = filesOf(mkdtempSync(join(root, 'pair-')), 'client')
  cpSync(files.certFile, other.certFile)
  expect(readPair(other)).toBeUndefined()
  writeFileSync(other.keyFile, next.key)
  expect(readPair(other)).toBeUndefined()
})
