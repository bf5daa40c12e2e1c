import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeSecret } from '../../api/credentials/credential-files.ts'

/** A new key for signing tokens: EC P-256, PKCS 8 in PEM. */
export function makeTokenKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The key in <data dir>/pki that signs service account tokens. Made once: with another key every token would end. */
export function ensureTokenKey(dataDir: string): string {
  const directory = join(dataDir, 'pki')
  const file = join(directory, 'service-account.key')
  if (!existsSync(file)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeSecret(file, makeTokenKey())
  }
  return readFileSync(file, 'utf8')
}
