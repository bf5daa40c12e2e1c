// The one door to Docker's HTTP API: dockerode on a unix socket, and what its answers mean. No other file asks for status
// codes or opens raw streams. API: https://docs.docker.com/reference/api/engine/ (1.41, Docker 20.10, and later)

import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { NoSuchContainerError } from '../runtime/runtime.ts'

export type DockerClient = Docker

// 1.41 is what Docker 20.10 has, and what every later version still speaks; without a version a daemon takes its newest.
const apiVersion = 'v1.41'

/** A client for the daemon behind this unix socket. Nothing is connected before the first call. */
export function makeDockerClient(socketPath: string): DockerClient {
  const client = new Docker({ socketPath, version: apiVersion })
  readWholeAnswers(client.modem)
  return client
}

/**
 * Of an answer that breaks off behind its headers docker-modem 5 never says anything: who waits for a container when the daemon is
 * restarted would wait for ever. Here such a call throws.
 */
function readWholeAnswers(modem: DockerClient['modem']): void {
  const dial = modem.dial.bind(modem)
  modem.dial = (options, callback) => {
    if (options.isStream || options.hijack || options.openStdin) return dial(options, callback)
    dial({ ...options, isStream: true }, (error, stream) => {
      if (!(stream instanceof Readable)) return callback?.(error, null)
      text(stream)
        .then(parseBody)
        .then(
          (body) => callback?.(null, body),
          (broken: Error) => callback?.(broken, null),
        )
    })
  }
}

/** Not all answers are JSON: some are empty. */
function parseBody(body: string): object | null {
  return body === '' ? null : JSON.parse(body)
}

/** True for an answer of the daemon with one of these status codes. */
export function isStatus(error: unknown, ...codes: number[]): boolean {
  return (
    error instanceof Error &&
    'statusCode' in error &&
    typeof error.statusCode === 'number' &&
    codes.includes(error.statusCode)
  )
}

/** True for any answer of the daemon, so not for a connection that failed. */
export const isAnswer = (error: unknown): error is Error => error instanceof Error && 'statusCode' in error

/** The daemon's own words, without dockerode's preface. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && 'json' in error) {
    const { json } = error
    if (typeof json === 'object' && json !== null && 'message' in json) return String(json.message)
  }
  return (error instanceof Error ? error.message : String(error)).replace(/^\(HTTP code \d+\) [^-]* - /, '').trim()
}

/** Resolves with undefined when the daemon answers with one of these codes: what was asked for holds already. */
export async function unless<T>(call: Promise<T>, ...codes: number[]): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isStatus(error, ...codes)) return undefined
    throw error
  }
}

/** Turns "no such container" of a call about this container into the runtime's error. */
export async function ofContainer<T>(containerId: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (isStatus(error, 404)) throw new NoSuchContainerError(`no container ${containerId}`, { cause: error })
    throw error
  }
}

/** GETs a body that is read as it comes; dockerode would hold all of some of them in memory. */
export function openStream(
  client: DockerClient,
  path: string,
  query: Record<string, string>,
  signal?: AbortSignal,
): Promise<Readable> {
  const options = {
    path: `${path}?`,
    method: 'GET',
    isStream: true,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
    options: query,
    ...(signal !== undefined && { abortSignal: signal }),
  }
  return new Promise((resolve, reject) => {
    client.modem.dial(options, (error, stream) => (stream instanceof Readable ? resolve(stream) : reject(error)))
  })
}
