// Deletes certificate requests that are of no use any more: an hour after a decision, a day after nobody decided.
// The times are Kubernetes' own.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import { ignore, isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { certificateSigningRequests } from '../../../api/resources/certificate-signing-requests.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'
import { parseTimestamp } from '../timestamp.ts'
import { conditionOf, type StoredRequest } from './request-state.ts'

const hourMs = 60 * 60 * 1000
const decidedMs = hourMs
const pendingMs = 24 * hourMs

export class CertificateRequestCleaner implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = makeQueue('certificate request cleaner', context.log, (key) => this.reconcile(key))
    context.view.certificateSigningRequests.onChange(({ object }) => {
      if (object !== undefined) this.#queue.add(object.metadata.name)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Deletes one request if its time is over, else comes again when it is. */
  async reconcile(name: string): Promise<void> {
    const { client, view, now } = this.#context
    const request = view.certificateSigningRequests.get(name)
    if (request === undefined) return
    const leftMs = endOf(request) - now()
    if (leftMs > 0) return this.#queue.addAfter(name, leftMs)
    const { uid, resourceVersion } = request.metadata
    const preconditions = { uid, resourceVersion }
    // Gone, or decided just now.
    await client.delete(certificateSigningRequests, { name }, { preconditions }).catch(ignore(isNotFound, isConflict))
  }
}

/** When the request is of no use any more, in milliseconds since the epoch. */
export function endOf(request: StoredRequest): number {
  const decisions = (['Approved', 'Denied', 'Failed'] as const).flatMap((type) => conditionOf(request, type) ?? [])
  const decidedAtMs = decisions.map(({ lastUpdateTime }) => parseTimestamp(lastUpdateTime)).filter((ms) => ms > 0)
  if (decidedAtMs.length > 0) return Math.max(...decidedAtMs) + decidedMs
  return parseTimestamp(request.metadata.creationTimestamp) + pendingMs
}
