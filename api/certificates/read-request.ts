import type { ParsedRequest } from './pkcs10.ts'

/** Reads spec.request of a CertificateSigningRequest: PEM in base64. Throws an Error that says why it is none. */
export async function readRequest(base64: string): Promise<ParsedRequest> {
  // Loaded with the first request: most control planes see none for months.
  const { parseRequest } = await import('./pkcs10.ts')
  return parseRequest(Buffer.from(base64, 'base64').toString('utf8'))
}
