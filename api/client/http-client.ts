// Kubernetes' REST protocol over a Transport: paths, queries, Status errors, watches as lines of JSON.
// https://kubernetes.io/docs/reference/using-api/api-concepts/

import type { Status } from '../generated/types.ts'
import type { ApiObject, ObjectName, Stored } from '../objects/object.ts'
import { StatusError } from '../objects/status-error.ts'
import { apiVersionOf, pathOf, type ResourceType } from '../resources/resource.ts'
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectList,
  PatchType,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client.ts'
import { readAll, readLines } from './read-body.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

type Query = Record<string, string | number | boolean | undefined>
type RawWatchEvent<T extends ApiObject> = WatchEvent<T> | { type: 'ERROR'; object: Status }

/** Watches ask to be ended after five to ten minutes, so that those of a restarted server spread again. */
const watchSeconds = () => 300 + Math.floor(Math.random() * 300)
/** How much longer than asked a watch may last before the connection counts as dead. */
const watchGraceMs = 30_000

/** The Client of every part; its transport decides whether calls leave the process. */
export class HttpClient implements Client {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  get<T extends ApiObject>(
    resource: ResourceType<T>,
    name: ObjectName,
    { subresource, signal }: { subresource?: string; signal?: AbortSignal } = {},
  ): Promise<Stored<T>> {
    return this.#call({ method: 'GET', path: pathOf(resource, { ...name, subresource }), signal })
  }

  async list<T extends ApiObject>(resource: ResourceType<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const { namespace, signal, ...query } = options
    const path = pathOf(resource, { namespace }) + formatQuery(query)
    const list = await this.#call<RawList<T>>({ method: 'GET', path, signal })
    const { resourceVersion = '', continue: next } = list.metadata ?? {}
    const kinds = { apiVersion: apiVersionOf(resource), kind: resource.kind }
    // Servers leave the kind out of the items of a list.
    const items = (list.items ?? []).map((item) => ({ ...kinds, ...item }))
    return { resourceVersion, items, ...(next !== undefined && next !== '' && { continue: next }) }
  }

  async *watch<T extends ApiObject>(
    resource: ResourceType<T>,
    { namespace, signal, ...selection }: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const timeoutSeconds = watchSeconds()
    const query = formatQuery({ ...selection, watch: true, allowWatchBookmarks: true, timeoutSeconds })
    const deadline = AbortSignal.timeout(timeoutSeconds * 1000 + watchGraceMs)
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    try {
      const response = await this.#send({
        method: 'GET',
        path: pathOf(resource, { namespace }) + query,
        signal: either,
      })
      for await (const line of readLines(response.body)) {
        const event: RawWatchEvent<T> = JSON.parse(line)
        if (event.type === 'ERROR') throw StatusError.from(event.object)
        yield event
      }
    } catch (error) {
      if (!either.aborted) throw error
    }
  }

  create<T extends ApiObject>(
    resource: ResourceType<T>,
    object: T,
    { subresource, signal, ...options }: WriteOptions = {},
  ): Promise<Stored<T>> {
    const { namespace, name } = object.metadata ?? {}
    const path = pathOf(resource, { namespace, ...(subresource !== undefined && { name, subresource }) })
    return this.#write('POST', path + formatWriteQuery(options), withKind(resource, object), signal)
  }

  update<T extends ApiObject>(
    resource: ResourceType<T>,
    object: T | Stored<T>,
    { subresource, signal, ...options }: WriteOptions = {},
  ): Promise<Stored<T>> {
    const { namespace, name = '' } = object.metadata ?? {}
    const path = pathOf(resource, { namespace, name, subresource }) + formatWriteQuery(options)
    return this.#write('PUT', path, withKind(resource, object), signal)
  }

  patch<T extends ApiObject>(
    resource: ResourceType<T>,
    name: ObjectName,
    type: PatchType,
    patch: unknown,
    { subresource, signal, ...options }: WriteOptions = {},
  ): Promise<Stored<T>> {
    const path = pathOf(resource, { ...name, subresource }) + formatWriteQuery(options)
    return this.#write('PATCH', path, patch, signal, type)
  }

  async delete(resource: ResourceType, name: ObjectName, { signal, ...options }: DeleteOptions = {}): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
    const headers = { 'content-type': 'application/json' }
    const request = { method: 'DELETE', path: pathOf(resource, name), body: JSON.stringify(body), headers, signal }
    await readAll((await this.#send(request)).body)
  }

  createSubresource(
    resource: ResourceType,
    name: ObjectName,
    subresource: string,
    body: object,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<unknown> {
    return this.#write('POST', pathOf(resource, { ...name, subresource }), body, signal)
  }

  #write<R>(method: string, path: string, body: unknown, signal?: AbortSignal, type = 'application/json'): Promise<R> {
    return this.#call({ method, path, body: JSON.stringify(body), headers: { 'content-type': type }, signal })
  }

  async #call<R>(request: PartialRequest): Promise<R> {
    const { body } = await this.#send(request)
    return JSON.parse(await readAll(body))
  }

  async #send({ headers, ...request }: PartialRequest): Promise<TransportResponse> {
    const response = await this.#transport.send({ ...request, headers: { accept: 'application/json', ...headers } })
    if (response.status >= 400) throw await toStatusError(response)
    return response
  }
}

type PartialRequest = Omit<TransportRequest, 'headers'> & { headers?: Record<string, string> }

interface RawList<T extends ApiObject> {
  metadata?: { resourceVersion?: string; continue?: string }
  items?: Stored<T>[]
}

/** The error of a refused request: the server's Status, or one made of what else it answered. */
export async function toStatusError(response: TransportResponse): Promise<StatusError> {
  const text = await readAll(response.body)
  const status = parseStatus(text)
  if (status !== undefined) return StatusError.from({ ...status, code: status.code ?? response.status })
  const message = text.trim() === '' ? `the server answered ${response.status}` : text.trim()
  return new StatusError(response.status, 'Unknown', message)
}

function parseStatus(text: string): Status | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    const value: Status = JSON.parse(text)
    return value.kind === 'Status' ? value : undefined
  } catch {
    return undefined // cut short, or not ours: shown as text
  }
}

function withKind(resource: ResourceType, object: ApiObject): ApiObject {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind }
}

const formatWriteQuery = ({ dryRun, fieldManager, fieldValidation }: WriteOptions) =>
  formatQuery({ ...(dryRun === true && { dryRun: 'All' }), fieldManager, fieldValidation })

function formatQuery(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
