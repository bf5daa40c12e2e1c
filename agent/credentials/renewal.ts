// Keeps one certificate good while the agent runs: asks for the next in time, writes it, and says so. What there is goes on
// being used until then, whatever fails.

import { X509Certificate } from 'node:crypto'
import { pause } from '../../api/client/alarm.ts'
import type { Client } from '../../api/client/client.ts'
import { type CertificateOptions, requestCertificate } from '../../api/client/join/certificate-request.ts'
import { type CredentialFiles, type KeyPair, writePair } from '../../api/credentials/credential-files.ts'
import { renewalTime, retryDelay } from './due.ts'

export interface RenewalOptions {
  client: Client
  /** What there is now. */
  current: KeyPair
  /** Where it lies. */
  files: CredentialFiles
  /** What to ask for. */
  request: Omit<CertificateOptions, 'timeoutMs' | 'signal'>
  /** Told of each new pair, which is on disk by then. */
  onRenewed: (pair: KeyPair) => void
  /** Told of every failure; another attempt follows. */
  onError: (error: unknown) => void
  /** From 0 to 1; absent: Math.random. */
  random?: () => number
}

/** A request that nobody decides about is made again after so long. */
const requestTimeoutMs = 60_000
/** Clocks are set and hosts sleep: the time is looked at again so often. */
const longestPauseMs = 60_000

/** Runs until the signal aborts. */
export async function keepRenewed(options: RenewalOptions, signal: AbortSignal): Promise<void> {
  const { request, onError, random = Math.random } = options
  let { current } = options
  let names = request.names ?? []
  let failures = 0
  while (!signal.aborted) {
    await pauseUntil(renewalTime(current.cert, names, random()), signal)
    if (signal.aborted) return
    try {
      current = await renew(options, signal)
      failures = 0
      names = [] // what was asked for was given; looked at again, a name in another form would be missed for ever
    } catch (error) {
      if (signal.aborted) return
      onError(explain(error, current))
      await pause(retryDelay(current.cert, Date.now(), failures++), signal)
    }
  }
}

async function renew({ client, request, files, onRenewed }: RenewalOptions, signal: AbortSignal): Promise<KeyPair> {
  const { certPem, keyPem } = await requestCertificate(client, { ...request, timeoutMs: requestTimeoutMs, signal })
  const pair = { cert: certPem, key: keyPem }
  writePair(files, pair)
  onRenewed(pair)
  return pair
}

function explain(error: unknown, { cert }: KeyPair): unknown {
  const ended = new X509Certificate(cert).validToDate
  if (ended.getTime() > Date.now()) return error
  return new Error(
    `the certificate ended at ${ended.toISOString()} and could not be renewed: if the API server refuses it, this host must join anew`,
    { cause: error },
  )
}

async function pauseUntil(timeMs: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = timeMs - Date.now(); leftMs > 0 && !signal.aborted; leftMs = timeMs - Date.now())
    await pause(Math.min(leftMs, longestPauseMs), signal)
}
