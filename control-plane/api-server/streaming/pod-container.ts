// Which container of a pod a request is about, in Kubernetes' words.

import type { Pod } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { badRequest } from '../../../api/objects/status-error.ts'

const defaultAnnotation = 'kubectl.kubernetes.io/default-container'

/** The container asked for, or the one the pod names as its default, or its only one. Throws BadRequest. */
export function chooseContainer(pod: Stored<Pod>, asked: string | null): string {
  const names = namesOf(pod.spec.containers)
  const initNames = namesOf(pod.spec.initContainers)
  const all = [...names, ...initNames, ...namesOf(pod.spec.ephemeralContainers)]
  const { name } = pod.metadata
  if (asked !== null && asked !== '') {
    if (!all.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${name}`)
    return asked
  }
  const preferred = pod.metadata.annotations?.[defaultAnnotation]
  if (preferred !== undefined && all.includes(preferred)) return preferred
  const [only] = names
  if (only !== undefined && names.length === 1) return only
  const inits = initNames.length === 0 ? '' : ` or one of the init containers: [${initNames.join(' ')}]`
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]${inits}`)
}

function namesOf(containers: readonly { name?: string }[] | undefined): string[] {
  return (containers ?? []).map(({ name = '' }) => name)
}
