// A connection to a pod's own address for the API server, which has no route to pods: bytes both ways after an upgrade.

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Pod } from '../../api/generated/types.ts'
import { badRequest, internalError, StatusError } from '../../api/objects/status-error.ts'

const connectTimeoutMs = 10_000

/** Joins the client with the pod and returns when either has ended. Throws StatusError while nothing is joined yet. */
export async function joinPod(client: Duplex, head: Buffer, pod: Pod | undefined, portText: string): Promise<void> {
  const port = Number(portText)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw badRequest(`port "${portText}": must be from 1 to 65535`)
  const host = pod?.status?.podIP
  if (host === undefined) throw new StatusError(404, 'NotFound', 'the pod is not here, or has no address yet')
  const target = connect({ host, port, timeout: connectTimeoutMs })
  target.once('timeout', () => target.destroy(new Error('timed out')))
  await once(target, 'connect').catch((cause: unknown) => {
    throw internalError(`${host} port ${port}: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  })
  target.setTimeout(0)
  client.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
  if (head.length > 0) target.write(head)
  // Whichever breaks, the other ends too; nobody is left to be told why.
  await Promise.allSettled([pipeline(client, target), pipeline(target, client)])
}
