// Keeps the control plane's own certificates good while it runs: its server's, its client's towards agents, and the
// administrator's. Looks now and then; what lasts is left alone.

import { pause } from '../api/client/alarm.ts'
import type { KeyPair } from '../api/credentials/credential-files.ts'
import type { Identity } from './identity.ts'

export interface CertificateRenewalOptions {
  identity: Identity
  /** Takes the server's newest pair into use; called after each look. */
  onServer: (pair: KeyPair) => void
  /** Told of every failure; what is there goes on being used, and the next look comes. */
  onError: (error: unknown) => void
  checkMs?: number
  retryMs?: number
}

const hourMs = 60 * 60 * 1000

/** Runs until the signal aborts. */
export async function runCertificateRenewal(options: CertificateRenewalOptions, signal: AbortSignal): Promise<void> {
  const { identity, onServer, onError, checkMs = 12 * hourMs, retryMs = hourMs / 6 } = options
  let waitMs = checkMs
  while (!signal.aborted) {
    await pause(waitMs, signal)
    if (signal.aborted) return
    try {
      await identity.renew()
      onServer(identity.pki.server)
      waitMs = checkMs
    } catch (error) {
      onError(error)
      waitMs = retryMs
    }
  }
}
