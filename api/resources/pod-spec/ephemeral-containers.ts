import type { EphemeralContainer, PodSpec } from '../../generated/types.ts'
import { forbiddenField, notFoundValue } from '../../objects/field-errors.ts'
import type { FieldError } from '../../objects/status-error.ts'

/** An ephemeral container is for looking into a pod that runs: nothing waits for it, restarts it or counts on it. */
const forbiddenFields = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resizePolicy',
  'restartPolicy',
] as const

/** Rules for ephemeral containers beyond those for all containers. */
export function validateEphemeralContainers(spec: PodSpec, path: string): FieldError[] {
  const targets = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name)
  return (spec.ephemeralContainers ?? []).flatMap((container, index) => {
    const at = `${path}.ephemeralContainers[${index}]`
    const { targetContainerName: target } = container
    return [
      ...forbiddenIn(container).map((field) =>
        forbiddenField(`${at}.${field}`, 'cannot be set for an Ephemeral Container'),
      ),
      ...(target && !targets.includes(target) ? [notFoundValue(`${at}.targetContainerName`, target)] : []),
    ]
  })
}

function forbiddenIn(container: EphemeralContainer): string[] {
  const asks = Object.keys(container.resources ?? {}).length > 0
  return [...forbiddenFields.filter((field) => container[field] !== undefined), ...(asks ? ['resources'] : [])]
}
