// exec and attach: a process's streams on channels 0 to 2, its end as a Status on channel 3, its terminal's size on 4.

import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { WebSocket } from 'ws'
import type { Status } from '../../api/generated/types.ts'
import type { ExecSession } from '../runtime/runtime.ts'
import { Channels } from './channels.ts'
import { readFlag } from './route.ts'

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const

export interface StreamChoice {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  tty: boolean
}

/** The agent's own names are input, output and error; the API's are taken too. */
export function parseStreams(query: URLSearchParams): StreamChoice {
  const tty = readFlag(query, 'tty')
  return {
    stdin: readFlag(query, 'input', 'stdin'),
    stdout: readFlag(query, 'output', 'stdout'),
    stderr: readFlag(query, 'error', 'stderr') && !tty,
    tty,
  }
}

/** Tells how a process ended in the words that kubectl reads the exit code from. */
function makeEndStatus(exitCode: number): Status {
  if (exitCode === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  }
}

/** A Status for something that went wrong on the way. */
function makeErrorStatus(error: unknown): Status {
  const message = error instanceof Error ? error.message : String(error)
  return { metadata: {}, status: 'Failure', reason: 'InternalError', message, code: 500 }
}

/** Connects the session with the client until either ends. The socket is closed by it. */
export async function serveSession(
  socket: WebSocket,
  protocol: string,
  streams: StreamChoice,
  open: () => Promise<ExecSession>,
): Promise<void> {
  const opening = open()
  const channels = new Channels(socket, protocol, {
    // The client may speak before the process is there: it is held back until then.
    onMessage: (from, data) => opening.then((session) => receive(session, streams, from, data), ignoreFailedOpen),
    onEnd: (from) => {
      if (from === channel.stdin) void opening.then((session) => session.stdin.end(), ignoreFailedOpen)
    },
    onClose: () => void opening.then((session) => session.close(), ignoreFailedOpen),
  })
  const status = await runSession(channels, streams, opening).catch(makeErrorStatus)
  await channels.send(channel.error, formatStatus(status, channels.protocol))
  channels.close()
}

/** It is reported where the session is awaited. */
const ignoreFailedOpen = () => {}

async function runSession(channels: Channels, streams: StreamChoice, opening: Promise<ExecSession>): Promise<Status> {
  const session = await opening
  // Tells the client that the command runs.
  await channels.send(
    streams.stdout ? channel.stdout : streams.stderr ? channel.stderr : channel.error,
    Buffer.alloc(0),
  )
  await Promise.all([
    forward(session.stdout, streams.stdout, (data) => channels.send(channel.stdout, data)),
    forward(session.stderr, streams.stderr, (data) => channels.send(channel.stderr, data)),
  ])
  return makeEndStatus(await session.exitCode)
}

async function forward(source: Readable, wanted: boolean, send: (data: Buffer) => Promise<void>): Promise<void> {
  if (wanted) for await (const chunk of source) await send(Buffer.from(chunk))
  else await finished(source.resume())
}

async function receive(session: ExecSession, streams: StreamChoice, from: number, data: Buffer): Promise<void> {
  if (from === channel.resize) return await resize(session, data)
  const { stdin } = session
  if (from !== channel.stdin || !streams.stdin || !stdin.writable || data.length === 0) return
  // Called when the data is gone, and when the process is: it is no news that nobody reads any more.
  await new Promise<void>((resolve) => stdin.write(data, () => resolve()))
}

async function resize(session: ExecSession, data: Buffer): Promise<void> {
  const { Width, Height }: { Width?: number; Height?: number } = JSON.parse(data.toString() || '{}')
  if (Width && Height) await session.resize(Width, Height)
}

/** Up to v3 an error is plain text, and success is silence. */
function formatStatus(status: Status, protocol: string): Buffer {
  if (/^v[45]\./.test(protocol)) return Buffer.from(JSON.stringify(status))
  return Buffer.from(status.status === 'Success' ? '' : (status.message ?? 'failed'))
}
