import { join } from 'node:path'

/** Where a test's node has its private key. */
export function keyFile(dataDir: string): string {
  return join(dataDir, 'wireguard', 'private.key')
}
