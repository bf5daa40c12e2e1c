import { X509Certificate } from 'node:crypto'
import { type KeyPair, namesIn, toShortName } from '../../api/credentials/credential-files.ts'

const renewalMs = 30 * 24 * 60 * 60 * 1000

/** True if the pair was signed by the authority, does not end soon, and names exactly these. */
export function isCurrent(pair: KeyPair, authorityCert: string, names: readonly string[]): boolean {
  const certificate = new X509Certificate(pair.cert)
  const lastsMs = certificate.validToDate.getTime() - Date.now()
  return (
    certificate.verify(new X509Certificate(authorityCert).publicKey) &&
    lastsMs > renewalMs &&
    namesIn(certificate).join() === [...new Set(names.map(toShortName))].sort().join()
  )
}
