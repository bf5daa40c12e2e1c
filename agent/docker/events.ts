// The daemon's events about our containers.

import { createInterface } from 'node:readline'
import type { RuntimeEvent } from '../runtime/runtime.ts'
import { type DockerClient, openStream } from './docker-client.ts'
import { type Labels, makeLabelFilter, podOf } from './labels.ts'

/** Those that change what list calls say; exec events would come with every probe. */
const actions = ['create', 'start', 'die', 'oom', 'destroy', 'pause', 'unpause']

/** Ends with the signal; throws when the daemon goes. */
export async function* readEvents(client: DockerClient, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const filters = { type: ['container'], event: actions, ...makeLabelFilter() }
  const stream = await openStream(client, '/events', { filters: JSON.stringify(filters) })
  const stop = () => void stream.destroy()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    for await (const line of createInterface({ input: stream })) {
      const event: { Actor?: { Attributes?: Labels } } = JSON.parse(line)
      yield { pod: podOf(event.Actor?.Attributes ?? {}) }
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
  if (!signal.aborted) throw new Error('the connection to docker was lost: no more events')
}
