// When a certificate is to be renewed. Pure.

import { X509Certificate } from 'node:crypto'
import { namesIn, toShortName } from '../../api/credentials/credential-files.ts'

/** The part of its time that is left when a certificate is renewed, give or take the jitter. */
const leftPart = 1 / 3
const jitterPart = 1 / 30
const shortestRetryMs = 5_000

/**
 * Milliseconds since the epoch at which a certificate is to be renewed: about two thirds into its time, at once if it lacks a
 * name that it should have. random from 0 to 1 spreads the nodes of a cluster, which began together.
 */
export function renewalTime(certPem: string, names: readonly string[], random: number): number {
  const certificate = new X509Certificate(certPem)
  const present = namesIn(certificate)
  if (names.some((name) => !present.includes(toShortName(name)))) return 0
  const [fromMs, toMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()]
  const left = leftPart + jitterPart * (2 * random - 1)
  return Math.round(toMs - (toMs - fromMs) * left)
}

/**
 * How long to wait after an attempt that failed, and so many before it: a little longer each time, up to a tenth of the time that is
 * left, within reason. What the first one lacked may come in a moment: the control plane hears of a node's new address.
 */
export function retryDelay(certPem: string, nowMs: number, failures: number): number {
  const leftMs = new X509Certificate(certPem).validToDate.getTime() - nowMs
  return Math.min(Math.max(leftMs / 10, shortestRetryMs), shortestRetryMs * 2 ** failures, 600_000)
}
