// The node's Lease in kube-node-lease: renewed at an interval, it says that the node is alive, at the cost of one small write.

import { pause } from '../../api/client/alarm.ts'
import type { Client } from '../../api/client/client.ts'
import type { Lease } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { isConflict, isNotFound } from '../../api/objects/status-error.ts'
import { leases } from '../../api/resources/leases.ts'

export interface HeartbeatOptions {
  client: Client
  nodeName: string
  /** The Node's uid, once it is registered: the lease goes with the Node. */
  nodeUid: () => string | undefined
  intervalSeconds: number
  onError: (error: unknown) => void
  now: () => number
}

const namespace = 'kube-node-lease'
const longestRetryMs = 7_000

/** Beats until the signal aborts. */
export async function runHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  let lease: Stored<Lease> | undefined
  let retryMs = 200
  while (!signal.aborted) {
    try {
      lease = await renew(options, lease, signal)
      retryMs = 200
      await pause(options.intervalSeconds * 1000, signal)
    } catch (error) {
      if (signal.aborted) return
      if (isNotFound(error) || isConflict(error)) lease = undefined
      if (!isConflict(error)) options.onError(error)
      await pause(retryMs, signal)
      retryMs = Math.min(retryMs * 2, longestRetryMs)
    }
  }
}

async function renew(
  options: HeartbeatOptions,
  known: Stored<Lease> | undefined,
  signal: AbortSignal,
): Promise<Stored<Lease>> {
  const { client, nodeName } = options
  const limited = {
    signal: AbortSignal.any([signal, AbortSignal.timeout(Math.max(options.intervalSeconds * 1000, 2_000))]),
  }
  const lease = known ?? (await find(client, nodeName, limited.signal))
  if (lease === undefined) return await client.create(leases, makeLease(options), limited)
  const { metadata, ...rest } = makeLease(options)
  return await client.update(leases, { ...rest, metadata: { ...lease.metadata, ...metadata } }, limited)
}

async function find(client: Client, name: string, signal: AbortSignal): Promise<Stored<Lease> | undefined> {
  try {
    return await client.get(leases, { namespace, name }, { signal })
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

function makeLease({ nodeName, nodeUid, intervalSeconds, now }: HeartbeatOptions): Lease {
  const uid = nodeUid()
  const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: uid ?? '' }
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: nodeName, namespace, ...(uid !== undefined && { ownerReferences: [owner] }) },
    spec: {
      holderIdentity: nodeName,
      leaseDurationSeconds: Math.max(4 * intervalSeconds, 1),
      // MicroTime: six digits.
      renewTime: new Date(now()).toISOString().replace('Z', '000Z'),
    },
  }
}
