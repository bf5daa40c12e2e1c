// ConfigMaps and Secrets that pods here use, each followed by a watch of its own from the first time it is asked for: a
// node sees what its pods need and no more, and goes on with what it has while the API server is away.

import type { Client } from '../../api/client/client.ts'
import { Informer } from '../../api/client/informer.ts'
import type { ConfigMap, Secret } from '../../api/generated/types.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { configMaps } from '../../api/resources/config-maps.ts'
import type { ResourceType } from '../../api/resources/resource.ts'
import { secrets } from '../../api/resources/secrets.ts'
import { serviceAccounts } from '../../api/resources/service-accounts.ts'
import type { ObjectSource, TokenRequest } from '../volumes/objects.ts'
import type { StoredPod } from './pod.ts'

export interface WatchedObjectsOptions {
  client: Client
  /** The object with this reference (see referencesOf) has changed. */
  onChange: (reference: string) => void
  onError: (error: unknown) => void
  now: () => number
}

interface Watched<T extends ApiObject> {
  informer: Informer<T>
  stop: AbortController
}

interface Token {
  token: string
  expiresAtMs: number
  renewAtMs: number
}

/** A pod that waits for the API server longer than this shows it. */
const syncTimeoutMs = 10_000
/** However long a token lives, as the kubelet has it. */
const oldestTokenMs = 24 * 3_600_000

export class WatchedObjects implements ObjectSource {
  readonly #options: WatchedObjectsOptions
  readonly #configMaps = new Map<string, Watched<ConfigMap>>()
  readonly #secrets = new Map<string, Watched<Secret>>()
  readonly #tokens = new Map<string, Token>()

  constructor(options: WatchedObjectsOptions) {
    this.#options = options
  }

  async configMap(namespace: string, name: string): Promise<Stored<ConfigMap> | undefined> {
    return await this.#read(this.#configMaps, configMaps, namespace, name)
  }

  async secret(namespace: string, name: string): Promise<Stored<Secret> | undefined> {
    return await this.#read(this.#secrets, secrets, namespace, name)
  }

  /** Tokens are renewed when four fifths of their life are over, or a day; while that fails, the one that is there serves on. */
  async serviceAccountToken(request: TokenRequest): Promise<{ token: string; expiresAtMs: number }> {
    const key = JSON.stringify(request)
    const known = this.#tokens.get(key)
    if (known !== undefined && known.renewAtMs > this.#options.now()) return known
    try {
      const fresh = await this.#requestToken(request)
      this.#tokens.set(key, fresh)
      return fresh
    } catch (error) {
      if (known === undefined || known.expiresAtMs <= this.#options.now()) throw error
      this.#options.onError(error)
      return known
    }
  }

  /** Stops following what none of these pods refers to. */
  retain(pods: readonly StoredPod[]): void {
    const wanted = new Set(pods.flatMap((pod) => [...referencesOf(pod)]))
    for (const watches of [this.#configMaps, this.#secrets]) {
      for (const [reference, { stop }] of watches) {
        if (wanted.has(reference)) continue
        stop.abort()
        watches.delete(reference)
      }
    }
    const uids = new Set(pods.map(({ metadata }) => metadata.uid))
    for (const key of this.#tokens.keys()) {
      const { pod }: TokenRequest = JSON.parse(key)
      if (!uids.has(pod.uid)) this.#tokens.delete(key)
    }
  }

  close(): void {
    this.retain([])
  }

  async #read<T extends ApiObject>(
    watches: Map<string, Watched<T>>,
    resource: ResourceType<T>,
    namespace: string,
    name: string,
  ): Promise<Stored<T> | undefined> {
    const reference = `${resource.plural}/${namespace}/${name}`
    const watched = watches.get(reference) ?? this.#watch(resource, namespace, name, reference)
    watches.set(reference, watched)
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => reject(new Error(`failed to fetch ${reference}: timed out waiting for the API server`)),
      syncTimeoutMs,
    )
    await Promise.race([watched.informer.synced, late]).finally(() => clearTimeout(timer))
    return watched.informer.get(`${namespace}/${name}`)
  }

  #watch<T extends ApiObject>(
    resource: ResourceType<T>,
    namespace: string,
    name: string,
    reference: string,
  ): Watched<T> {
    const { client, onChange, onError } = this.#options
    const informer = new Informer(client, resource, { namespace, fieldSelector: `metadata.name=${name}`, onError })
    informer.onChange(() => onChange(reference))
    const stop = new AbortController()
    informer.run(stop.signal).catch(onError)
    return { informer, stop }
  }

  async #requestToken({
    namespace,
    serviceAccountName,
    audience,
    expirationSeconds,
    pod,
  }: TokenRequest): Promise<Token> {
    const answer = await this.#options.client.createSubresource(
      serviceAccounts,
      { namespace, name: serviceAccountName },
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: audience === undefined ? [] : [audience],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod },
        },
      },
    )
    if (!isTokenAnswer(answer))
      throw new Error(`the API server's answer to a TokenRequest for ${namespace}/${serviceAccountName} has no token`)
    const { token, expirationTimestamp } = answer.status
    const [nowMs, expiresAtMs] = [this.#options.now(), Date.parse(expirationTimestamp)]
    return { token, expiresAtMs, renewAtMs: nowMs + Math.min((expiresAtMs - nowMs) * 0.8, oldestTokenMs) }
  }
}

function isTokenAnswer(answer: unknown): answer is { status: { token: string; expirationTimestamp: string } } {
  if (typeof answer !== 'object' || answer === null || !('status' in answer)) return false
  const { status } = answer
  return typeof status === 'object' && status !== null && 'token' in status && typeof status.token === 'string'
}

/** "configmaps/<namespace>/<name>" and "secrets/…" of everything that the pod's volumes and environments refer to. */
export function referencesOf({ metadata, spec }: StoredPod): Set<string> {
  const found = new Set<string>()
  const add = (plural: 'configmaps' | 'secrets', name: string | undefined) => {
    if (name) found.add(`${plural}/${metadata.namespace ?? 'default'}/${name}`)
  }
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    add('configmaps', configMap?.name)
    add('secrets', secret?.secretName)
    for (const source of projected?.sources ?? []) {
      add('configmaps', source.configMap?.name)
      add('secrets', source.secret?.name)
    }
  }
  for (const { env = [], envFrom = [] } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    for (const { valueFrom } of env) {
      add('configmaps', valueFrom?.configMapKeyRef?.name)
      add('secrets', valueFrom?.secretKeyRef?.name)
    }
    for (const { configMapRef, secretRef } of envFrom) {
      add('configmaps', configMapRef?.name)
      add('secrets', secretRef?.name)
    }
  }
  return found
}
