// Keeps the two ConfigMaps that a joining host reads: where the cluster is and who vouches for it, for anybody, and how its
// nodes are set up, for those with a token.

import { makeClusterInfo } from '../../../api/client/join/cluster-info.ts'
import { type ClusterSettings, makeClusterSettings } from '../../../api/client/join/cluster-settings.ts'
import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { ConfigMap } from '../../../api/generated/types.ts'
import { toKey } from '../../../api/objects/object.ts'
import { ignore, isAlreadyExists } from '../../../api/objects/status-error.ts'
import { configMaps } from '../../../api/resources/config-maps.ts'
import { type Controller, type ControllerContext, makeQueue } from '../controller.ts'

export interface PublishedSettingsOptions {
  /** Where hosts reach the API server. */
  serverUrl: string
  /** PEM. */
  caCert: string
  settings: ClusterSettings
}

export class PublishedSettings implements Controller {
  readonly #context: ControllerContext
  readonly #queue: WorkQueue
  readonly #wanted: ReadonlyMap<string, ConfigMap>

  constructor(context: ControllerContext, { serverUrl, caCert, settings }: PublishedSettingsOptions) {
    this.#context = context
    const wanted = [makeClusterInfo(serverUrl, caCert), makeClusterSettings(settings)]
    this.#wanted = new Map(wanted.map((object) => [toKey(object), object]))
    this.#queue = makeQueue('settings for joining hosts', context.log, (key) => this.reconcile(key))
    context.view.configMaps.onChange(({ old, object }) => {
      const key = toKey(object ?? old ?? { name: '' })
      if (this.#wanted.has(key)) this.#queue.add(key)
    })
    // At the first start the namespaces come a moment later.
    context.view.namespaces.onChange(({ old, object }) => {
      if (old === undefined && object !== undefined) this.#addAll()
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#addAll()
    await this.#queue.run(signal)
  }

  /** Makes sure of one of the two. Keys that others added stay. */
  async reconcile(key: string): Promise<void> {
    const { view, client } = this.#context
    const wanted = this.#wanted.get(key)
    if (wanted === undefined || view.namespaces.get(wanted.metadata?.namespace ?? '') === undefined) return
    const { data = {} } = wanted
    const present = view.configMaps.get(key)
    if (present === undefined) {
      // Somebody may be faster; the change comes by.
      await client.create(configMaps, wanted).catch(ignore(isAlreadyExists))
    } else if (Object.entries(data).some(([field, value]) => present.data?.[field] !== value)) {
      await client.patch(configMaps, present.metadata, 'application/merge-patch+json', { data })
    }
  }

  #addAll(): void {
    for (const key of this.#wanted.keys()) this.#queue.add(key)
  }
}
