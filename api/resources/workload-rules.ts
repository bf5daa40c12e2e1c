// Rules that Deployments and ReplicaSets share: selector, template, counts.

import { isDeepStrictEqual } from 'node:util'
import type { LabelSelector, PodTemplateSpec } from '../generated/types.ts'
import { immutable, invalidValue, required } from '../objects/field-errors.ts'
import { toSelector } from '../objects/selectors.ts'
import type { FieldError } from '../objects/status-error.ts'
import { validateLabelSelector } from './label-selector-rules.ts'
import { validatePodTemplate } from './pod-spec/validate.ts'
import { mustNotBeNegative } from './rules.ts'

/** The part of the spec that workloads have in common. */
export interface WorkloadSpec {
  replicas?: number
  minReadySeconds?: number
  selector?: LabelSelector
  template?: PodTemplateSpec
}

/** All that is wrong with the common part; noun names the kind in messages. */
export function validateWorkload(spec: WorkloadSpec | undefined, noun: string): FieldError[] {
  if (spec === undefined) return [required('spec')]
  const selectorErrors = validateSelector(spec.selector, noun)
  return [
    ...selectorErrors,
    ...validatePodTemplate(spec.template, 'spec.template'),
    ...(selectorErrors.length === 0 ? validateMatch(spec) : []),
    ...mustNotBeNegative('spec.replicas', spec.replicas),
    ...mustNotBeNegative('spec.minReadySeconds', spec.minReadySeconds),
  ]
}

/** The selector says which pods are whose: it never changes. */
export function validateSelectorUpdate(spec: WorkloadSpec | undefined, old: WorkloadSpec | undefined): FieldError[] {
  return isDeepStrictEqual(spec?.selector, old?.selector) ? [] : [immutable('spec.selector', spec?.selector)]
}

function validateSelector(selector: LabelSelector | undefined, noun: string): FieldError[] {
  if (selector === undefined) return [required('spec.selector')]
  const errors = validateLabelSelector(selector, 'spec.selector')
  const isEmpty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0
  return isEmpty
    ? [...errors, invalidValue('spec.selector', selector, `empty selector is invalid for ${noun}`)]
    : errors
}

function validateMatch({ selector, template }: WorkloadSpec): FieldError[] {
  const labels = template?.metadata?.labels
  if (template === undefined || toSelector(selector).matches(labels)) return []
  return [invalidValue('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`')]
}
