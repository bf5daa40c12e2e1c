// The verbs of resources: reads the request, calls what does the work, writes the answer.

import type { DeleteOptions, Namespace } from '../../api/generated/types.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { badRequest, ignore, isNotFound, methodNotAllowed } from '../../api/objects/status-error.ts'
import { admit } from './admission/admission.ts'
import { applyRequest, isApply } from './apply-request.ts'
import type { Authorizer } from './authorization/authorizer.ts'
import { parseBody } from './body.ts'
import { CachedObject } from './cached-object.ts'
import { deleteObject } from './deletion.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { type ListSources, listObjects } from './list.ts'
import { applyPatch } from './patch-request.ts'
import { parseObject } from './request-object.ts'
import type { Route } from './route.ts'
import { parseFilter } from './selection.ts'
import { authorizeOne } from './serving/authorization.ts'
import { bindPod, evictPod, finalizeNamespace, toScale, updateScale } from './subresources.ts'
import { issueToken } from './tokens/token-requests.ts'
import { makeView, render } from './view.ts'
import { startWatch } from './watch-stream.ts'
import { createObject, objectName, type Target, updateObject, type WriteContext } from './writes.ts'

export interface ResourceHandlerOptions extends ListSources {
  context: WriteContext
  /** Asked about writes that turn out to be others than the request said. */
  authorizer: Authorizer
  bookmarkMs: number
}

/** Makes the new object (or Scale) from the one that is there. */
type Replace = (current: Stored<ApiObject>) => ApiObject

export class ResourceHandler {
  readonly #options: ResourceHandlerOptions

  constructor(options: ResourceHandlerOptions) {
    this.#options = options
  }

  /** Answers one request. Throws StatusErrors for all that is refused. */
  handle(request: ApiRequest, route: Route): Promise<ApiResponse> {
    switch (route.verb) {
      case 'get':
        return this.#get(request, route)
      case 'list':
        return this.#list(request, route)
      case 'watch':
        return this.#watch(request, route)
      case 'create':
        return route.subresource === '' ? this.#create(request, route) : this.#createSubresource(request, route)
      case 'update':
      case 'patch':
        return this.#update(request, route)
      case 'delete':
        return this.#delete(request, route)
      default:
        return this.#deleteCollection(request, route)
    }
  }

  async #get(request: ApiRequest, route: Route): Promise<ApiResponse> {
    const { resource, namespace, name, subresource } = route
    if (!['', 'status', 'approval', 'scale'].includes(subresource)) throw methodNotAllowed('GET')
    const cached = await this.#options.context.storage.get(resource, objectName(resource, namespace, name))
    if (subresource === 'scale') return respondObject(request, route, toScale(cached.object))
    return respondCached(request, route, cached, 200)
  }

  async #list(request: ApiRequest, route: Route): Promise<ApiResponse> {
    const { view, accepted } = makeView(route.resource, request.headers.accept, request.url)
    const { objects, meta } = await listObjects(
      this.#options,
      route.resource,
      parseFilter(route, request.url),
      request.url,
    )
    return respond(200, render(view.list(objects, meta), accepted))
  }

  async #watch(request: ApiRequest, route: Route): Promise<ApiResponse> {
    const { url, signal } = request
    const { resource } = route
    const { view } = makeView(resource, request.headers.accept, url)
    const filter = parseFilter(route, url)
    const { feed, bookmarkMs } = this.#options
    const body = await startWatch({ feed, bookmarkMs, resource, filter, view, url, signal })
    return { status: 200, headers: { 'content-type': 'application/json' }, body }
  }

  async #create(request: ApiRequest, route: Route): Promise<ApiResponse> {
    if (route.resource.namespaced && route.namespace === '') throw methodNotAllowed('POST')
    const { object, warnings } = parseObject(request, route)
    const stored = await createObject(this.#options.context, targetOf(request, route), object)
    return respondObject(request, route, stored, 201, warnings)
  }

  async #createSubresource(request: ApiRequest, route: Route): Promise<ApiResponse> {
    const { context } = this.#options
    const target = targetOf(request, route)
    if (!['binding', 'eviction', 'token'].includes(route.subresource)) throw methodNotAllowed('POST')
    const { object } = parseObject(request, route)
    await admit(context.admission.validating, { ...target, verb: 'create', object }, context.cluster)
    if (route.subresource === 'token') {
      const answer = await issueToken(context, target, object)
      return respond(201, { text: JSON.stringify(answer), contentType: 'application/json' })
    }
    if (route.subresource === 'binding') {
      await bindPod(context, target, Object.assign({ target: {} }, object))
    } else await evictPod(context, target, object)
    return respond(201, { text: JSON.stringify(success(201)), contentType: 'application/json' })
  }

  async #update(request: ApiRequest, route: Route): Promise<ApiResponse> {
    const target = targetOf(request, route)
    if (isApply(request, route)) return await this.#apply(request, route, target)
    const warnings: string[] = []
    const replace: Replace = this.#replacement(request, route, warnings)
    const { context } = this.#options
    if (route.subresource === 'scale') {
      return respondObject(request, route, await updateScale(context, target, replace), 200, warnings)
    }
    const stored = await updateObject(context, target, (current) =>
      throughDoor(route.subresource, current, replace(structuredClone(current))),
    )
    return respondObject(request, route, stored, 200, warnings)
  }

  async #apply(request: ApiRequest, route: Route, target: Target): Promise<ApiResponse> {
    const { context, authorizer } = this.#options
    const { resource, namespace, name } = route
    const attributes = {
      verb: 'create',
      group: resource.group,
      namespace,
      resource: resource.plural,
      subresource: '',
      name,
    }
    const authorizeCreate = () => authorizeOne(request.user, attributes, authorizer)
    const { object, created, warnings } = await applyRequest(context, request, route, target, authorizeCreate)
    return respondObject(request, route, object, created ? 201 : 200, warnings)
  }

  #replacement(request: ApiRequest, route: Route, warnings: string[]): Replace {
    if (route.verb === 'patch') return applyPatch(request, route, warnings)
    const parsed = parseObject(request, route)
    warnings.push(...parsed.warnings)
    return () => structuredClone(parsed.object)
  }

  async #delete(request: ApiRequest, route: Route): Promise<ApiResponse> {
    if (route.subresource !== '') throw methodNotAllowed('DELETE')
    const options = readDeleteOptions(request)
    const { object, deleted } = await deleteObject(this.#options.context, targetOf(request, route), options)
    if (!deleted) return respondObject(request, route, object)
    const { group, plural } = route.resource
    const details = {
      name: object.metadata.name,
      ...(group !== '' && { group }),
      kind: plural,
      uid: object.metadata.uid,
    }
    return respond(200, { text: JSON.stringify({ ...success(200), details }), contentType: 'application/json' })
  }

  async #deleteCollection(request: ApiRequest, route: Route): Promise<ApiResponse> {
    const { resource } = route
    const options = readDeleteOptions(request)
    const { view, accepted } = makeView(resource, request.headers.accept, request.url)
    const { objects, meta } = await listObjects(this.#options, resource, parseFilter(route, request.url), request.url)
    for (const { object } of objects) {
      const { namespace = '', name } = object.metadata
      const target = { ...targetOf(request, route), namespace, name }
      // Gone already is what was asked for.
      await deleteObject(this.#options.context, target, options).catch(ignore(isNotFound))
    }
    return respond(200, render(view.list(objects, meta), accepted))
  }
}

/** What a subresource lets through of the object that a client sent. */
function throughDoor(subresource: string, current: Stored<ApiObject>, given: ApiObject): ApiObject {
  if (subresource === 'finalize') return finalizeNamespace(current, given as Namespace)
  if (['', 'status', 'approval'].includes(subresource)) return given
  throw methodNotAllowed('PUT')
}

/** As Kubernetes names who does not say: the program in the User-Agent. */
function fieldManagerOf({ url, user, headers }: ApiRequest): string {
  return (
    url.searchParams.get('fieldManager') || headers['user-agent']?.split('/')[0] || user.name.replace('system:', '')
  )
}

function targetOf(request: ApiRequest, { resource, namespace, name, subresource }: Route): Target {
  const { url, user } = request
  const dryRun = url.searchParams.getAll('dryRun')
  const wrong = dryRun.find((value) => value !== 'All')
  if (wrong !== undefined) throw badRequest(`dryRun: Unsupported value: "${wrong}": supported values: "All"`)
  return {
    resource,
    namespace,
    name,
    subresource,
    user,
    dryRun: dryRun.length > 0,
    fieldManager: fieldManagerOf(request),
  }
}

/** From the body, or from the query when there is none. */
function readDeleteOptions(request: ApiRequest): DeleteOptions {
  if (request.body.byteLength > 0) {
    const { value } = parseBody(request)
    if (typeof value !== 'object' || value === null) throw badRequest('the body must be DeleteOptions')
    return value
  }
  const { searchParams } = request.url
  const grace = searchParams.get('gracePeriodSeconds')
  const propagationPolicy = searchParams.get('propagationPolicy')
  return {
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(propagationPolicy !== null && { propagationPolicy }),
  }
}

function success(code: number) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code }
}

function respondObject(
  request: ApiRequest,
  route: Route,
  object: Stored<ApiObject>,
  status = 200,
  warnings: readonly string[] = [],
): ApiResponse {
  const cached = new CachedObject('', object, Number(object.metadata.resourceVersion))
  return respondCached(request, route, cached, status, warnings)
}

function respondCached(
  request: ApiRequest,
  { resource }: Route,
  cached: CachedObject,
  status: number,
  warnings: readonly string[] = [],
): ApiResponse {
  const { view, accepted } = makeView(resource, request.headers.accept, request.url)
  const response = respond(status, render(view.one(cached), accepted))
  if (warnings.length > 0) response.headers.warning = warnings.map(formatWarning).join(', ')
  return response
}

/** RFC 7234, as kubectl reads it. */
function formatWarning(text: string): string {
  return `299 - "${text.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`
}

function respond(status: number, { text, contentType }: { text: string; contentType: string }): ApiResponse {
  return { status, headers: { 'content-type': contentType }, body: text }
}
