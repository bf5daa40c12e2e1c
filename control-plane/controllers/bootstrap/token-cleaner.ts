// Deletes bootstrap tokens when their time is over. They count no more from that moment anyway; this keeps the cluster tidy.

import { bootstrapTokenNamespace, bootstrapTokenType } from '../../../api/client/join/bootstrap-token.ts'
import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Secret } from '../../../api/generated/types.ts'
import { type Stored, toKey } from '../../../api/objects/object.ts'
import { ignore, isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { secrets } from '../../../api/resources/secrets.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'

export class TokenCleaner implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = makeQueue('token cleaner', context.log, (key) => this.reconcile(key))
    context.view.secrets.onChange(({ object }) => {
      if (object !== undefined && isToken(object)) this.#queue.add(toKey(object))
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Deletes one token if it has ended, else comes again when it ends. */
  async reconcile(key: string): Promise<void> {
    const { view, client, now } = this.#context
    const secret = view.secrets.get(key)
    if (secret === undefined || !isToken(secret)) return
    const endsMs = Date.parse(Buffer.from(secret.data?.expiration ?? '', 'base64').toString('utf8'))
    if (Number.isNaN(endsMs)) return // has no end, or one that nobody can read: an administrator's to mend
    if (endsMs > now()) return this.#queue.addAfter(key, endsMs - now())
    const { uid, resourceVersion } = secret.metadata
    const preconditions = { uid, resourceVersion }
    // Gone, or given more time just now: the change comes by again.
    await client.delete(secrets, secret.metadata, { preconditions }).catch(ignore(isNotFound, isConflict))
  }
}

const isToken = ({ type, metadata }: Stored<Secret>) =>
  type === bootstrapTokenType && metadata.namespace === bootstrapTokenNamespace
