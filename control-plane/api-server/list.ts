// Lists. At the newest state, or any not older than asked, they come from the cache; pages after the first and lists at
// an exact revision come from the store, as of that revision.

import { badRequest, gone } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { CompactedError, type Store } from '../store/store.ts'
import { type CacheFeed, prefixOf } from './cache-feed.ts'
import { CachedObject } from './cached-object.ts'
import type { ObjectFilter } from './selection.ts'
import type { ListMeta } from './view.ts'

/** One page and what it says of itself. */
export interface Page {
  objects: CachedObject[]
  meta: ListMeta
}

interface Token {
  /** As of when; -1 for now, when the revision of the first page is forgotten. */
  rv: number
  /** The last key that was given, below the kind's prefix. */
  after: string
}

export interface ListSources {
  store: Store
  feed: CacheFeed
}

/** Answers a list request. Throws BadRequest, and 410 when the asked state is forgotten. */
export async function listObjects(
  { store, feed }: ListSources,
  resource: Resource,
  filter: ObjectFilter,
  { searchParams }: URL,
): Promise<Page> {
  const limit = readNumber(searchParams, 'limit')
  const continueText = searchParams.get('continue') ?? ''
  const version = searchParams.get('resourceVersion') ?? ''
  const match = searchParams.get('resourceVersionMatch') ?? ''
  checkMatch(match, version, continueText)
  if (continueText !== '') return continueList(store, resource, filter, limit, parseToken(continueText))
  if (match === 'Exact') return listAt(store, resource, filter, limit, { rv: parseRevision(version), after: '' })
  if (version === '') await feed.reachNow()
  else await feed.reach(parseRevision(version))
  const objects = feed
    .cacheOf(resource)
    .list(filter.namespace)
    .filter(({ object }) => filter.matches(object))
  return pageOf(objects, limit, feed.revision, filter)
}

/** Reads a revision as clients send it. */
export function parseRevision(text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(`resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
  }
  return Number(text)
}

function pageOf(objects: CachedObject[], limit: number, revision: number, filter: ObjectFilter, more = 0): Page {
  const resourceVersion = String(revision)
  const isLast = limit === 0 || (objects.length <= limit && more === 0)
  if (isLast) return { objects, meta: { resourceVersion } }
  const page = objects.slice(0, limit)
  const remaining = objects.length - page.length + more
  const next = formatToken({ rv: revision, after: page.at(-1)?.key ?? '' })
  return {
    objects: page,
    meta: { resourceVersion, continue: next, ...(filter.isAll && { remainingItemCount: remaining }) },
  }
}

async function continueList(
  store: Store,
  resource: Resource,
  filter: ObjectFilter,
  limit: number,
  token: Token,
): Promise<Page> {
  try {
    return await listAt(store, resource, filter, limit, token)
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error
    const expired = gone(
      'The provided continue parameter is too old to display a consistent list result. Start a new list without it, or use the continue token of this response to get the rest as it is now: an inconsistent list.',
    )
    expired.status.metadata = { continue: formatToken({ ...token, rv: -1 }) }
    throw expired
  }
}

/** Reads as many entries as it takes to fill the page. */
async function listAt(
  store: Store,
  resource: Resource,
  filter: ObjectFilter,
  limit: number,
  { rv, after }: Token,
): Promise<Page> {
  const kindPrefix = prefixOf(resource)
  const prefix = kindPrefix + (filter.namespace === '' ? '' : `${filter.namespace}/`)
  const objects: CachedObject[] = []
  let revision = rv === -1 ? undefined : rv
  let last = after === '' ? undefined : kindPrefix + after
  for (;;) {
    const page = await store.list(prefix, { revision, after: last, limit: limit === 0 ? undefined : limit + 1 })
    revision = page.revision
    last = page.entries.at(-1)?.key
    const parsed = page.entries.map(({ key, value, revision: written }) =>
      CachedObject.parse(key.slice(kindPrefix.length), value, written),
    )
    objects.push(...parsed.filter(({ object }) => filter.matches(object)))
    const isFull = limit !== 0 && objects.length > limit
    if (isFull || page.remaining === 0) return pageOf(objects, limit, revision, filter, page.remaining)
  }
}

function checkMatch(match: string, version: string, continueText: string): void {
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    throw badRequest(`resourceVersionMatch: Unsupported value: "${match}": supported values: "Exact", "NotOlderThan"`)
  }
  if (match !== '' && continueText !== '') {
    throw badRequest('resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided')
  }
  if (match !== '' && version === '') {
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    )
  }
  if (match === 'Exact' && version === '0') {
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    )
  }
}

/** A whole number from the query; 0 if absent. */
export function readNumber(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name) ?? ''
  if (text === '') return 0
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}": must be a whole number`)
  return Number(text)
}

function formatToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

function parseToken(text: string): Token {
  try {
    const { rv, after }: { rv: unknown; after: unknown } = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (typeof rv === 'number' && typeof after === 'string') return { rv, after }
  } catch {
    // not JSON: the same answer as for JSON of another shape
  }
  throw badRequest('continue key is not valid: it was not given by this server')
}
