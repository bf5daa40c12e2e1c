// Which fields of a running pod may change by the main door. Ephemeral containers, resizing and binding have their own.

import { isDeepStrictEqual } from 'node:util'
import type { Container, PodSpec, Toleration } from '../../generated/types.ts'
import { forbiddenField, invalidValue } from '../../objects/field-errors.ts'
import type { FieldError } from '../../objects/status-error.ts'
import { validateImage } from './containers.ts'

const mayChange =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** What is wrong with the step from the old spec to the new. */
export function validatePodSpecUpdate(spec: PodSpec, old: PodSpec): FieldError[] {
  const containers = ['containers', 'initContainers'] as const
  const counts = containers.filter((list) => (spec[list] ?? []).length !== (old[list] ?? []).length)
  if (counts.length > 0) {
    return counts.map((list) => forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers'))
  }
  const kept = withChangeableFieldsOf(old, spec)
  const changed = Object.keys({ ...kept, ...spec }).filter(
    (name) => !isDeepStrictEqual(Reflect.get(kept, name), Reflect.get(spec, name)),
  )
  return [
    ...containers.flatMap((list) =>
      (spec[list] ?? []).flatMap(({ image }, index) => validateImage(image, `spec.${list}[${index}].image`)),
    ),
    ...validateDeadline(spec, old),
    ...validateTolerations(spec.tolerations ?? [], old.tolerations ?? []),
    ...(changed.length === 0
      ? []
      : [forbiddenField('spec', `${mayChange}; changed: ${changed.map((name) => `spec.${name}`).join(', ')}`)]),
  ]
}

/** The old spec with what may change taken from the new one: it must equal the new one. */
function withChangeableFieldsOf(old: PodSpec, spec: PodSpec): PodSpec {
  const kept: PodSpec = { ...old, containers: withImages(old.containers ?? [], spec.containers) }
  if (old.initContainers !== undefined) kept.initContainers = withImages(old.initContainers, spec.initContainers)
  take(kept, spec, 'activeDeadlineSeconds')
  take(kept, spec, 'tolerations')
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    kept.terminationGracePeriodSeconds = 1
  }
  if (
    (spec.schedulingGates ?? []).every((gate) => old.schedulingGates?.some(({ name }) => name === gate.name) === true)
  ) {
    take(kept, spec, 'schedulingGates')
  }
  return kept
}

function withImages(old: readonly Container[], spec: readonly Container[] | undefined): Container[] {
  return old.map((container, index) => {
    const image = spec?.[index]?.image
    return image === undefined ? container : { ...container, image }
  })
}

function take<K extends keyof PodSpec>(target: PodSpec, source: PodSpec, field: K): void {
  const value = source[field]
  if (value === undefined) delete target[field]
  else target[field] = value
}

function validateDeadline(
  { activeDeadlineSeconds: now }: PodSpec,
  { activeDeadlineSeconds: before }: PodSpec,
): FieldError[] {
  if (before === undefined || now === before) return []
  const field = 'spec.activeDeadlineSeconds'
  if (now === undefined) return [invalidValue(field, before, 'must not update from a positive integer to nil value')]
  return now < before ? [] : [invalidValue(field, now, 'must be less than or equal to previous value')]
}

/** Tolerations are only added; how long one lasts may change. */
function validateTolerations(now: readonly Toleration[], before: readonly Toleration[]): FieldError[] {
  const withoutSeconds = ({ tolerationSeconds: _, ...rest }: Toleration) => rest
  const isKept = (old: Toleration) => now.some((one) => isDeepStrictEqual(withoutSeconds(one), withoutSeconds(old)))
  if (before.every(isKept)) return []
  return [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')]
}
