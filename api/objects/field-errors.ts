// Makes FieldErrors in the words that Kubernetes uses for them, so that what users know how to read stays the same.

import type { FieldError } from './status-error.ts'

/** The field must be there and is not. */
export function required(field: string, why = ''): FieldError {
  return { reason: 'FieldValueRequired', field, message: why === '' ? 'Required value' : `Required value: ${why}` }
}

/** The value breaks a rule. */
export function invalidValue(field: string, value: unknown, why: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${quote(value)}: ${why}` }
}

/** The value is not one of a short list. */
export function notSupported(field: string, value: unknown, allowed: readonly string[]): FieldError {
  const listed = allowed.map((word) => `"${word}"`).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${quote(value)}: supported values: ${listed}`,
  }
}

/** The value must be unique among its siblings and is not. */
export function duplicate(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${quote(value)}` }
}

/** The field may not be set here, or not changed. */
export function forbiddenField(field: string, why: string): FieldError {
  return { reason: 'FieldValueForbidden', field, message: why === '' ? 'Forbidden' : `Forbidden: ${why}` }
}

/** The value refers to something that is not there. */
export function notFoundValue(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueNotFound', field, message: `Not found: ${quote(value)}` }
}

/** The value has too many bytes. */
export function tooLong(field: string, limitBytes: number): FieldError {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${limitBytes} bytes` }
}

/** The list has too many items. */
export function tooMany(field: string, count: number, limit: number): FieldError {
  return { reason: 'FieldValueTooMany', field, message: `Too many: ${count}: must have at most ${limit} items` }
}

/** An immutable field was changed. */
export function immutable(field: string, value: unknown): FieldError {
  return invalidValue(field, value, 'field is immutable')
}

/** No error for a missing reason, one for a given: joins the whyNot... functions of names.ts to a field. */
export function invalidIf(field: string, value: unknown, why: string | undefined): FieldError[] {
  return why === undefined ? [] : [invalidValue(field, value, why)]
}

function quote(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}
