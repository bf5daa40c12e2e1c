// The daemon's events about our containers.

import type { RuntimeEvent } from '../runtime/runtime.ts'
import { type DockerClient, openStream } from './docker-client.ts'
import { type Labels, makeLabelFilter, podOf } from './labels.ts'
import { readJsonLines } from './streams.ts'

/** Those that change what list calls say; exec events would come with every probe. */
const actions = ['create', 'start', 'die', 'oom', 'destroy', 'pause', 'unpause']

/** Events from the first read on; ends with the signal, throws when the daemon goes. */
export async function* readEvents(client: DockerClient, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const filters = { type: ['container'], event: actions, ...makeLabelFilter() }
  // A daemon that is busy or just starting listens a while later: without it, what happens until then would not be told.
  const since = (Date.now() / 1000).toFixed(3)
  const stream = await openStream(client, '/events', { filters: JSON.stringify(filters), since })
  const stop = () => void stream.destroy()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    for await (const line of readJsonLines(stream)) {
      const event = line as { Actor?: { Attributes?: Labels } }
      yield { pod: podOf(event.Actor?.Attributes ?? {}) }
    }
  } catch (error) {
    if (!signal.aborted) throw new Error('the connection to docker broke: no more events', { cause: error })
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
  if (!signal.aborted) throw new Error('the connection to docker was lost: no more events')
}
