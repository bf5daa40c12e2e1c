// Where pods of this node have their network namespaces.

import { badRequest, StatusError } from '../../api/objects/status-error.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** A pod that has a network namespace of its own. */
export interface PodNamespace {
  /** "namespace/name". */
  key: string
  netns: string
}

/** The pods of these keys, or all for "*". Throws NotFound for a pod that is not here, or that uses the node's network. */
export async function findPods(
  runtime: Pick<Runtime, 'listSandboxes'>,
  wanted: readonly string[],
): Promise<PodNamespace[]> {
  if (wanted.length === 0) return []
  const sandboxes = (await runtime.listSandboxes()).filter(
    ({ state, network, pid }) => state === 'ready' && network === 'pod' && pid !== undefined,
  )
  const here = sandboxes.map(({ pod, pid }) => ({
    key: `${pod.namespace}/${pod.name}`,
    netns: `/proc/${pid}/ns/net`,
  }))
  if (wanted.includes('*')) return here
  return [...new Set(wanted)].map((key) => {
    if (!/^[^/]+\/[^/]+$/.test(key)) throw badRequest(`pod=${key}: must be NAMESPACE/NAME`)
    const found = here.find((pod) => pod.key === key)
    if (found === undefined) throw new StatusError(404, 'NotFound', `pod "${key}" has no network of its own here`)
    return found
  })
}
