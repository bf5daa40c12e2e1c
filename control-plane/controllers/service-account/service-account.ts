// Sees to it that every namespace has the service account that pods run as when they name none.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import { ignore, isAlreadyExists, isForbidden, isNotFound } from '../../../api/objects/status-error.ts'
import { serviceAccounts } from '../../../api/resources/service-accounts.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'

const name = 'default'

export class ServiceAccountController implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = makeQueue('service account', context.log, (key) => this.reconcile(key))
    context.view.namespaces.onChange(({ object }) => object && this.#queue.add(object.metadata.name))
    context.view.serviceAccounts.onChange(({ old, object }) => {
      if (object === undefined && old?.metadata.name === name) this.#queue.add(old.metadata.namespace ?? '')
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Makes sure of one namespace's default account. */
  async reconcile(namespace: string): Promise<void> {
    const { view, client } = this.#context
    const found = view.namespaces.get(namespace)
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return
    if (view.serviceAccounts.get(`${namespace}/${name}`) !== undefined) return
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } }
    // Somebody was faster, or the namespace is going.
    await client.create(serviceAccounts, account).catch(ignore(isAlreadyExists, isForbidden, isNotFound))
  }
}
