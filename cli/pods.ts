// Which pod and which container a command means.

import type { LabelSelector, Pod } from '../api/generated/types.ts'
import type { ApiObject, Stored } from '../api/objects/object.ts'
import { selectorOfLabels, toSelector } from '../api/objects/selectors.ts'
import { pods } from '../api/resources/pods.ts'
import type { Session } from './session.ts'
import { parseNamedTargets } from './targets.ts'

type Workload = ApiObject & { spec?: { selector?: LabelSelector | Record<string, string> } }

/** The pod that "web", "pod/web", "deploy/web" or "svc/web" means: of several, a ready one. */
export async function findPod(session: Session, word: string): Promise<Stored<Pod>> {
  const { client, namespace, discovery } = session
  const targets = word.includes('/') ? await parseNamedTargets(discovery, [word]) : []
  const [{ type, name } = { type: { kind: 'Pod' }, name: word }] = targets
  if (type.kind === 'Pod' || !('plural' in type)) return await client.get(pods, { namespace, name })
  const workload = await client.get<Workload>(type, { namespace, name })
  const { items } = await client.list(pods, { namespace, labelSelector: selectPods(workload, word) })
  const [best] = items.sort((a, b) => rank(b) - rank(a))
  if (best === undefined) throw new Error(`no pods found for ${word}`)
  return best
}

function selectPods(workload: Workload, word: string): string {
  const selector = workload.spec?.selector ?? {}
  const isPlain = workload.kind === 'Service'
  const found = isPlain ? selectorOfLabels(selector as Record<string, string>) : toSelector(selector as LabelSelector)
  if (found.requirements.length === 0) throw new Error(`${word} selects no pods`)
  return found.toString()
}

function rank({ metadata, status }: Stored<Pod>): number {
  const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  const isLeaving = metadata.deletionTimestamp !== undefined
  return (status?.phase === 'Running' ? 2 : 0) + (isReady ? 1 : 0) - (isLeaving ? 4 : 0)
}

/** The container that was asked for, or the pod's usual one; if there was a choice, says on stderr which it took. */
export function chooseContainer({ metadata, spec }: Stored<Pod>, asked?: string): string {
  const names = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])].map(
    ({ name }) => name,
  )
  if (asked !== undefined) {
    if (names.includes(asked)) return asked
    throw new Error(`container ${asked} is not valid for pod ${metadata.name}: it has ${names.join(', ')}`)
  }
  const usual = metadata.annotations?.['kubectl.kubernetes.io/default-container']
  if (usual !== undefined && names.includes(usual)) return usual
  const [first = ''] = names
  if (names.length > 1) process.stderr.write(`Defaulted container "${first}" out of: ${names.join(', ')}\n`)
  return first
}
