// One watch, as lines of JSON. The stream pulls from the cache's ring when its reader has taken what came before, so a
// slow reader slows down nobody.

import { badRequest, gone, type StatusError } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import type { CacheFeed } from './cache-feed.ts'
import type { CachedObject } from './cached-object.ts'
import { parseRevision, readNumber } from './list.ts'
import type { ObjectFilter } from './selection.ts'
import type { View } from './view.ts'
import { Wakeups } from './wakeups.ts'
import type { CacheEvent, WatchCache } from './watch-cache.ts'

export interface WatchRequest {
  feed: CacheFeed
  resource: Resource
  filter: ObjectFilter
  view: View
  url: URL
  /** Aborts when the client has gone. */
  signal: AbortSignal
  bookmarkMs: number
}

const initialChunk = 256

/** Checks the request and starts the stream. Throws BadRequest, and 410 when the revision is too old. */
export async function startWatch(request: WatchRequest): Promise<AsyncIterable<string>> {
  const { feed, resource, url } = request
  const version = url.searchParams.get('resourceVersion') ?? ''
  const sendInitial = sendsInitialEvents(url)
  const cache = feed.cacheOf(resource)
  if (version === '') await feed.reachNow()
  else await feed.reach(parseRevision(version))
  const wantsState = sendInitial ?? (version === '' || version === '0')
  // Fixed now: the stream runs only when it is first read.
  const now = { sequence: cache.nextSequence, revision: feed.revision }
  if (wantsState) {
    const state = cache.list(request.filter.namespace)
    return stream(request, cache, { ...now, state, endsInitial: sendInitial === true })
  }
  const isNow = version === '' || version === '0'
  const sequence = isNow ? now.sequence : cache.sequenceAfter(parseRevision(version))
  if (sequence === undefined) throw tooOld(version)
  return stream(request, cache, { ...now, sequence, state: [], endsInitial: false })
}

interface Start {
  /** Of the first event after the state. */
  sequence: number
  /** Sent first, as ADDED. */
  state: CachedObject[]
  revision: number
  /** A bookmark follows the state. */
  endsInitial: boolean
}

function sendsInitialEvents({ searchParams }: URL): boolean | undefined {
  const text = searchParams.get('sendInitialEvents') ?? ''
  const match = searchParams.get('resourceVersionMatch') ?? ''
  if (text === '' && match === '') return undefined
  if (text === '')
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    )
  if (match !== 'NotOlderThan')
    throw badRequest(
      'resourceVersionMatch: Required value: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    )
  return text === 'true' || text === '1'
}

async function* stream(request: WatchRequest, cache: WatchCache, start: Start): AsyncGenerator<string, void> {
  const { feed, filter, view, url, bookmarkMs } = request
  const wantsBookmarks = ['true', '1'].includes(url.searchParams.get('allowWatchBookmarks') ?? '')
  using wakeups = new Wakeups(request.signal, timeoutOf(url), bookmarkMs, cache)
  let { sequence } = start
  yield* initialLines(start.state, filter, view)
  if (start.endsInitial && wantsBookmarks) yield bookmark(view, start.revision, true)
  while (!wakeups.isOver) {
    const events = cache.eventsFrom(sequence)
    if (events === undefined) {
      yield errorLine(tooOld('of this watch'))
      return
    }
    sequence += events.length
    const text = events.map((event) => lineOf(event, filter, view)).join('')
    if (text !== '') yield text
    else if (wantsBookmarks && wakeups.takeBookmark()) yield bookmark(view, feed.revision, false)
    else await wakeups.wait()
  }
  // A last bookmark spares the next watch the events that this one has seen.
  if (wantsBookmarks && !request.signal.aborted && cache.nextSequence === sequence) {
    yield bookmark(view, feed.revision, false)
  }
}

function timeoutOf({ searchParams }: URL): AbortSignal {
  const asked = readNumber(searchParams, 'timeoutSeconds')
  const seconds = asked > 0 ? Math.min(asked, 86_400) : 1800 + Math.floor(Math.random() * 1800)
  return AbortSignal.timeout(seconds * 1000)
}

function* initialLines(objects: CachedObject[], filter: ObjectFilter, view: View): Generator<string, void> {
  for (let from = 0; from < objects.length; from += initialChunk) {
    const text = objects
      .slice(from, from + initialChunk)
      .filter(({ object }) => filter.matches(object))
      .map((object) => formatLine('ADDED', view.inEvent(object)))
      .join('')
    if (text !== '') yield text
  }
}

/** Empty if the watcher's selection does not see the event. */
function lineOf(event: CacheEvent, filter: ObjectFilter, view: View): string {
  const { object, old, revision } = event
  const was = old !== undefined && filter.matches(old.object)
  if (object !== undefined && filter.matches(object.object)) {
    const type = was ? 'MODIFIED' : 'ADDED'
    return view.isPlain ? shared(event, type, () => object) : formatLine(type, view.inEvent(object))
  }
  if (!was) return ''
  // What left the selection is, for this watcher, deleted as it was, at the revision at which it left.
  const left = () => old.at(revision)
  return view.isPlain ? shared(event, 'DELETED', left) : formatLine('DELETED', view.inEvent(left()))
}

function shared({ lines }: CacheEvent, type: string, make: () => CachedObject): string {
  const known = lines.get(type)
  if (known !== undefined) return known
  const line = formatLine(type, make().text)
  lines.set(type, line)
  return line
}

const formatLine = (type: string, object: string) => `{"type":"${type}","object":${object}}\n`

function bookmark(view: View, revision: number, endsInitial: boolean): string {
  const annotations = endsInitial ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  return formatLine('BOOKMARK', view.bookmark({ resourceVersion: String(revision), ...annotations }))
}

/** How an error reaches a client whose stream has begun. */
function errorLine({ status }: StatusError): string {
  return formatLine('ERROR', JSON.stringify(status))
}

function tooOld(version: string): StatusError {
  return gone(`too old resource version: ${version}`)
}
