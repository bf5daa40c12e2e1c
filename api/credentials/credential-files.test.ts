import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { issueCertificate, makeAuthority } from '../../control-plane/pki/certificates.ts'
import { type CredentialFiles, filesOf, readPair, writePair } from './credential-files.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-credentials-'))
afterAll(() => rmSync(root, { recursive: true }))
const authority = await makeAuthority('test')
const issue = () => issueCertificate(authority, { commonName: 'n', usage: 'client' })
const [old, next] = [await issue(), await issue()]
let files: CredentialFiles

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
