import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureWireguardKey } from './wireguard-key.ts'

let dir: string
let file: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairlead-wg-'))
  file = join(dir, 'wireguard', 'private.key')
})

afterEach(() => rmSync(dir, { recursive: true }))

test('a key is made once, for its owner’s eyes alone', () => {
  const first = ensureWireguardKey(file)
  expect(ensureWireguardKey(file)).toEqual(first)
  expect(Buffer.from(first.publicKey, 'base64')).toHaveLength(32)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).not.toContain(first.publicKey)
})

// RFC 7748, 6.1: Alice's keys.
test('the public half belongs to the private one', () => {
  ensureWireguardKey(file)
  const toBase64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64')
  writeFileSync(file, toBase64('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'))
  const expected = toBase64('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
  expect(ensureWireguardKey(file).publicKey).toBe(expected)
})

test('a file that holds something else is named, and left as it is', () => {
  ensureWireguardKey(file)
  writeFileSync(file, 'nonsense')
  expect(() => ensureWireguardKey(file)).toThrow(`${file} has no WireGuard key`)
  expect(readFileSync(file, 'utf8')).toBe('nonsense')
})
