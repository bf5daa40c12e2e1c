import type {
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodSpec,
  Toleration,
} from '../../generated/types.ts'
import { forbiddenField, invalidIf, invalidValue, notSupported, required } from '../../objects/field-errors.ts'
import { whyNotQualifiedName } from '../../objects/names.ts'
import type { FieldError } from '../../objects/status-error.ts'
import { validateLabelSelector } from '../label-selector-rules.ts'
import { validateLabels } from '../metadata-rules.ts'
import { mustBeOneOf, mustBePositive, mustBeSet } from '../rules.ts'

const effects = ['NoExecute', 'NoSchedule', 'PreferNoSchedule']

/** Rules for all that says where a pod may run. */
export function validateScheduling(spec: PodSpec, path: string): FieldError[] {
  return [
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...(spec.tolerations ?? []).flatMap((toleration, index) =>
      validateToleration(toleration, `${path}.tolerations[${index}]`),
    ),
    ...validateNodeAffinity(spec, `${path}.affinity.nodeAffinity`),
    ...validatePodAffinity(spec.affinity?.podAffinity, `${path}.affinity.podAffinity`),
    ...validatePodAffinity(spec.affinity?.podAntiAffinity, `${path}.affinity.podAntiAffinity`),
    ...(spec.topologySpreadConstraints ?? []).flatMap((constraint, index) => {
      const at = `${path}.topologySpreadConstraints[${index}]`
      return [
        ...mustBePositive(`${at}.maxSkew`, constraint.maxSkew ?? 0),
        ...mustBeSet(`${at}.topologyKey`, constraint.topologyKey, 'can not be empty'),
        ...mustBeOneOf(`${at}.whenUnsatisfiable`, constraint.whenUnsatisfiable ?? '', [
          'DoNotSchedule',
          'ScheduleAnyway',
        ]),
        ...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`),
      ]
    }),
  ]
}

function validateToleration(toleration: Toleration, path: string): FieldError[] {
  const { key, operator = 'Equal', value, effect, tolerationSeconds } = toleration
  const errors: FieldError[] = key ? invalidIf(`${path}.key`, key, whyNotQualifiedName(key)) : []
  if (!key && operator !== 'Exists') {
    errors.push(
      invalidValue(
        `${path}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    )
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(
      invalidValue(`${path}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"),
    )
  }
  if (operator === 'Exists' && value) {
    errors.push(invalidValue(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"))
  }
  return [
    ...errors,
    ...(operator === '' ? [] : mustBeOneOf(`${path}.operator`, operator, ['Equal', 'Exists'])),
    ...(effect ? mustBeOneOf(`${path}.effect`, effect, effects) : []),
  ]
}

function validateNodeAffinity({ affinity }: PodSpec, path: string): FieldError[] {
  const {
    requiredDuringSchedulingIgnoredDuringExecution: must,
    preferredDuringSchedulingIgnoredDuringExecution: should,
  } = affinity?.nodeAffinity ?? {}
  const mustPath = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`
  const terms = must?.nodeSelectorTerms ?? []
  return [
    ...(must !== undefined && terms.length === 0
      ? [required(mustPath, 'must have at least one node selector term')]
      : []),
    ...terms.flatMap((term, index) => validateTerm(term, `${mustPath}[${index}]`)),
    ...(should ?? []).flatMap(({ weight, preference }, index) => {
      const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`
      return [...validateWeight(weight, at), ...validateTerm(preference ?? {}, `${at}.preference`)]
    }),
  ]
}

function validateTerm({ matchExpressions, matchFields }: NodeSelectorTerm, path: string): FieldError[] {
  return [
    ...(matchExpressions ?? []).flatMap((requirement, index) => {
      const at = `${path}.matchExpressions[${index}]`
      return [
        ...validateRequirement(requirement, at),
        ...invalidIf(`${at}.key`, requirement.key, whyNotQualifiedName(requirement.key ?? '')),
      ]
    }),
    ...(matchFields ?? []).flatMap(({ key }, index) =>
      key === 'metadata.name'
        ? []
        : [invalidValue(`${path}.matchFields[${index}].key`, key, 'not a valid field selector key')],
    ),
  ]
}

function validateRequirement({ operator, values }: NodeSelectorRequirement, path: string): FieldError[] {
  const count = values?.length ?? 0
  if (operator === 'In' || operator === 'NotIn') {
    return count > 0 ? [] : [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")]
  }
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    return count === 0
      ? []
      : [forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
  }
  if (operator === 'Gt' || operator === 'Lt') {
    return count === 1
      ? []
      : [required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")]
  }
  return [notSupported(`${path}.operator`, operator, ['DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn'])]
}

function validatePodAffinity(affinity: NonNullable<PodSpec['affinity']>['podAffinity'], path: string): FieldError[] {
  const {
    requiredDuringSchedulingIgnoredDuringExecution: must,
    preferredDuringSchedulingIgnoredDuringExecution: should,
  } = affinity ?? {}
  return [
    ...(must ?? []).flatMap((term, index) =>
      validateAffinityTerm(term, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`),
    ),
    ...(should ?? []).flatMap(({ weight, podAffinityTerm }, index) => {
      const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`
      return [...validateWeight(weight, at), ...validateAffinityTerm(podAffinityTerm, `${at}.podAffinityTerm`)]
    }),
  ]
}

function validateAffinityTerm(term: PodAffinityTerm | undefined, path: string): FieldError[] {
  return [
    ...mustBeSet(`${path}.topologyKey`, term?.topologyKey, 'can not be empty'),
    ...validateLabelSelector(term?.labelSelector, `${path}.labelSelector`),
  ]
}

function validateWeight(weight: number | undefined, path: string): FieldError[] {
  const isFine = weight !== undefined && weight >= 1 && weight <= 100
  return isFine ? [] : [invalidValue(`${path}.weight`, weight ?? 0, 'must be in the range 1-100')]
}
