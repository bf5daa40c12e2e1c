// Keeps the cluster's authority in every namespace, as the ConfigMap from which pods learn whom to trust as API server.

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import { ignore, isAlreadyExists, isForbidden, isNotFound } from '../../../api/objects/status-error.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'

const name = 'kube-root-ca.crt'
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

export class RootCaController implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue
  readonly #data: { 'ca.crt': string }

  /** caCert is the authority's certificate, PEM. */
  constructor(context: ControllerContext, caCert: string) {
    this.#context = context
    this.#data = { 'ca.crt': caCert }
    this.#queue = makeQueue('root certificate', context.log, (key) => this.reconcile(key))
    context.view.namespaces.onChange(({ old, object }) => {
      if (object !== undefined && old === undefined) this.#queue.add(object.metadata.name)
    })
    context.view.configMaps.onChange(({ old, object }) => {
      const { metadata } = object ?? old ?? {}
      if (metadata?.name === name) this.#queue.add(metadata.namespace ?? '')
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Makes sure of one namespace's ConfigMap. */
  async reconcile(namespace: string): Promise<void> {
    const { view, client } = this.#context
    const found = view.namespaces.get(namespace)
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return
    const present = view.configMaps.get(`${namespace}/${name}`)
    if (present === undefined) await this.#create(namespace)
    else if (!this.#isCurrent(present.data)) {
      await client.patch(configMaps, { namespace, name }, 'application/merge-patch+json', { data: this.#data })
    }
  }

  #isCurrent(data: Record<string, string> = {}): boolean {
    return data['ca.crt'] === this.#data['ca.crt']
  }

  async #create(namespace: string): Promise<void> {
    const annotations = { 'kubernetes.io/description': description }
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, annotations }, data: this.#data }
    // Somebody was faster, or the namespace is going.
    await this.#context.client.create(configMaps, object).catch(ignore(isAlreadyExists, isForbidden, isNotFound))
  }
}
