// Where pods of this node have their network namespaces.

import { badRequest, StatusError } from '../../api/objects/status-error.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** A pod that has a network namespace of its own. */
export interface PodNamespace {
  /** "namespace/name". */
  key: string
  netns: string
}

type Sandboxes = Pick<Runtime, 'listSandboxes'>

/** The pods of these keys, or all for "*". Throws NotFound for a pod that is not here, or that uses the node's network. */
export async function findPods(runtime: Sandboxes, wanted: readonly string[]): Promise<PodNamespace[]> {
  const found = await findPresentPods(runtime, wanted)
  const missing = wanted.find((key) => key !== '*' && !found.some((pod) => pod.key === key))
  if (missing === undefined) return found
  throw new StatusError(404, 'NotFound', `pod "${missing}" has no network of its own here`)
}

/** The same without those that are not here, such as endpoints of a moment ago, or that use the node's network. */
export async function findPresentPods(runtime: Sandboxes, wanted: readonly string[]): Promise<PodNamespace[]> {
  const bad = wanted.find((key) => key !== '*' && !/^[^/]+\/[^/]+$/.test(key))
  if (bad !== undefined) throw badRequest(`pod=${bad}: must be NAMESPACE/NAME`)
  if (wanted.length === 0) return []
  const here = (await runtime.listSandboxes()).flatMap(({ state, network, pid, pod }) =>
    state === 'ready' && network === 'pod' && pid !== undefined
      ? [{ key: `${pod.namespace}/${pod.name}`, netns: `/proc/${pid}/ns/net` }]
      : [],
  )
  const keys = new Set(wanted)
  return keys.has('*') ? here : here.filter(({ key }) => keys.has(key))
}
