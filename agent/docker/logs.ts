// Reads a container's log through the daemon, which knows the rotated files.

import { compose, type Readable } from 'node:stream'
import type { LogOptions } from '../runtime/runtime.ts'
import { type DockerClient, ofContainer, openStream } from './docker-client.ts'
import { joinOutput, limitOutput } from './streams.ts'

export async function openLogs(client: DockerClient, containerId: string, options: LogOptions): Promise<Readable> {
  const { Config } = await ofContainer(containerId, client.getContainer(containerId).inspect())
  const source = await ofContainer(containerId, openStream(client, `/containers/${containerId}/logs`, toQuery(options)))
  // With a terminal there is one stream, as it was written.
  const text: Readable = Config.Tty ? source : compose(source, joinOutput(options.stream))
  return options.limitBytes === undefined ? text : limitOutput(text, options.limitBytes)
}

function toQuery({ follow, tailLines, sinceMs, timestamps, stream }: LogOptions): Record<string, string> {
  return {
    stdout: String(stream !== 'stderr'),
    stderr: String(stream !== 'stdout'),
    follow: String(follow),
    timestamps: String(timestamps),
    ...(tailLines !== undefined && { tail: String(tailLines) }),
    ...(sinceMs !== undefined && { since: (sinceMs / 1000).toFixed(3) }),
  }
}
