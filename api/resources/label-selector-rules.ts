import type { LabelSelector } from '../generated/types.ts'
import { forbiddenField, invalidIf, invalidValue, required } from '../objects/field-errors.ts'
import { whyNotLabelValue, whyNotQualifiedName } from '../objects/names.ts'
import type { FieldError } from '../objects/status-error.ts'
import { validateLabels } from './metadata-rules.ts'

/** Rules for the object form of a label selector. */
export function validateLabelSelector(selector: LabelSelector | undefined, path: string): FieldError[] {
  return [
    ...validateLabels(selector?.matchLabels, `${path}.matchLabels`),
    ...(selector?.matchExpressions ?? []).flatMap(({ key, operator, values }, index) => {
      const at = `${path}.matchExpressions[${index}]`
      return [
        ...validateOperator(operator, values ?? [], at),
        ...invalidIf(`${at}.key`, key, whyNotQualifiedName(key ?? '')),
        ...(values ?? []).flatMap((value, place) =>
          invalidIf(`${at}.values[${place}]`, value, whyNotLabelValue(value)),
        ),
      ]
    }),
  ]
}

function validateOperator(operator: string, values: readonly string[], path: string): FieldError[] {
  if (operator === 'In' || operator === 'NotIn') {
    return values.length > 0 ? [] : [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")]
  }
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    const why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
    return values.length === 0 ? [] : [forbiddenField(`${path}.values`, why)]
  }
  return [invalidValue(`${path}.operator`, operator, 'not a valid selector operator')]
}
