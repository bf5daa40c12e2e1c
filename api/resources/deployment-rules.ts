import type { Deployment, DeploymentStrategy } from '../generated/types.ts'
import { forbiddenField, invalidValue } from '../objects/field-errors.ts'
import type { FieldError } from '../objects/status-error.ts'
import { mustBeOneOf, mustNotBeNegative } from './rules.ts'
import { validateWorkload } from './workload-rules.ts'

const percent = /^[0-9]+%$/
const notPercent =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"

/** All that is wrong with a Deployment's spec. */
export function validateDeployment({ spec }: Deployment): FieldError[] {
  const { strategy, revisionHistoryLimit, progressDeadlineSeconds, minReadySeconds = 0 } = spec ?? {}
  const deadline = 'spec.progressDeadlineSeconds'
  return [
    ...validateWorkload(spec, 'deployment'),
    ...validateStrategy(strategy, 'spec.strategy'),
    ...mustNotBeNegative('spec.revisionHistoryLimit', revisionHistoryLimit),
    ...mustNotBeNegative(deadline, progressDeadlineSeconds),
    ...(progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds
      ? [invalidValue(deadline, progressDeadlineSeconds, 'must be greater than minReadySeconds')]
      : []),
  ]
}

function validateStrategy(strategy: DeploymentStrategy | undefined, path: string): FieldError[] {
  const { type, rollingUpdate } = strategy ?? {}
  if (type === 'Recreate') {
    const why = "may not be specified when strategy `type` is 'Recreate'"
    return rollingUpdate === undefined ? [] : [forbiddenField(`${path}.rollingUpdate`, why)]
  }
  const { maxSurge, maxUnavailable } = rollingUpdate ?? {}
  const errors = [
    ...mustBeOneOf(`${path}.type`, type, ['Recreate', 'RollingUpdate']),
    ...mustBeCountOrPercent(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable),
    ...mustBeCountOrPercent(`${path}.rollingUpdate.maxSurge`, maxSurge),
  ]
  if (errors.length > 0 || rollingUpdate === undefined) return errors
  return validateRoom(maxSurge, maxUnavailable, `${path}.rollingUpdate.maxUnavailable`)
}

/** With neither a pod more nor a pod less there is no way to roll. */
function validateRoom(
  maxSurge: number | string | undefined,
  maxUnavailable: number | string | undefined,
  field: string,
): FieldError[] {
  const isZero = (value: number | string | undefined) => value !== undefined && Number.parseInt(String(value), 10) === 0
  if (isZero(maxSurge) && isZero(maxUnavailable))
    return [invalidValue(field, maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
  const isOver = typeof maxUnavailable === 'string' && Number.parseInt(maxUnavailable, 10) > 100
  return isOver ? [invalidValue(field, maxUnavailable, 'must not be greater than 100%')] : []
}

function mustBeCountOrPercent(field: string, value: number | string | undefined): FieldError[] {
  if (typeof value === 'number') return mustNotBeNegative(field, value)
  return value === undefined || percent.test(value) ? [] : [invalidValue(field, value, notPercent)]
}
