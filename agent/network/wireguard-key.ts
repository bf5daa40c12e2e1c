// This node's WireGuard key. Each agent makes its own, and writes the public half on its Node.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeDurably } from '../../api/files/durable-file.ts'
import { hasCode } from '../../cni/linux/system-error.ts'

export interface WireguardKey {
  /** Where the private half is. */
  file: string
  /** The public half, in base64. */
  publicKey: string
}

/** Whether the text is 32 bytes in base64, as wg(8) wants a key. */
export function isPublicKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text)
}

/** Makes this node's key at its first start; one that is there stays. Throws when the file is no such key. */
export function ensureWireguardKey(file: string): WireguardKey {
  const text = readIfThere(file)
  const key = text === undefined ? generateKeyPairSync('x25519').privateKey : parseKey(file, text)
  if (text === undefined) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeDurably(file, `${rawKey(key, 'd')}\n`, 0o600)
  }
  return { file, publicKey: rawKey(key, 'x') }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** PKCS #8 of X25519 is this prefix and the 32 bytes of the key (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex')

function parseKey(file: string, text: string): KeyObject {
  const raw = Buffer.from(text, 'base64')
  if (raw.length !== 32)
    throw new Error(`${file} has no WireGuard key: 32 bytes in base64; without it a new one is made`)
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, raw]), format: 'der', type: 'pkcs8' })
}

/** A half of the key as wg(8) writes it. */
function rawKey(key: KeyObject, half: 'd' | 'x'): string {
  const { [half]: value = '' } =
    half === 'd' ? key.export({ format: 'jwk' }) : createPublicKey(key).export({ format: 'jwk' })
  return Buffer.from(value, 'base64url').toString('base64')
}
