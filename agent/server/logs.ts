// GET /containerLogs: a container's log as text, for as long as the client listens.

import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { badRequest } from '../../api/objects/status-error.ts'
import type { LogOptions, Runtime } from '../runtime/runtime.ts'
import { readFlag } from './route.ts'

/** Throws 400 for values that make no sense. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const tailLines = readCount(query, 'tailLines')
  const limitBytes = readCount(query, 'limitBytes')
  const sinceSeconds = readCount(query, 'sinceSeconds')
  const sinceTime = query.get('sinceTime')
  const sinceMs = sinceSeconds === undefined ? sinceTime && Date.parse(sinceTime) : nowMs - sinceSeconds * 1000
  if (Number.isNaN(sinceMs)) throw badRequest(`invalid sinceTime: "${sinceTime}" is not an RFC 3339 time`)
  const stream = query.get('stream')?.toLowerCase()
  return {
    follow: readFlag(query, 'follow'),
    timestamps: readFlag(query, 'timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(typeof sinceMs === 'number' && { sinceMs }),
    ...((stream === 'stdout' || stream === 'stderr') && { stream }),
  }
}

function readCount(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^\d+$/.test(text)) throw badRequest(`invalid ${name}: "${text}" is not a number`)
  return Number(text)
}

/** Ends with the log, or with the client, which ends the reading of the log too. */
export async function sendLogs(
  runtime: Runtime,
  containerId: string,
  options: LogOptions,
  response: ServerResponse,
): Promise<void> {
  const log = await runtime.logs(containerId, options)
  try {
    response.writeHead(200, { 'content-type': 'text/plain' })
    // A followed log may be silent for long: the client is to know that it was found.
    response.flushHeaders()
    await pipeline(log, response)
  } catch (error) {
    if (!response.destroyed) throw error
  } finally {
    log.destroy() // a pipeline to a client that has gone already leaves it open
  }
}
