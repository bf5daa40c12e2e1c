// Small rules that many fields share. Each gives the errors of one field, none if it is fine or left out.

import { whyNotAddress, whyNotMachineAddress } from '../objects/addresses.ts'
import { duplicate, invalidIf, invalidValue, notSupported, required } from '../objects/field-errors.ts'
import type { FieldError } from '../objects/status-error.ts'

/** The text must be there. */
export function mustBeSet(field: string, value: unknown, why = ''): FieldError[] {
  return value === undefined || value === '' ? [required(field, why)] : []
}

/** One of a few words. */
export function mustBeOneOf(field: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return value === undefined || allowed.includes(value) ? [] : [notSupported(field, value, [...allowed].sort())]
}

/** Zero or more. */
export function mustNotBeNegative(field: string, value: number | undefined): FieldError[] {
  return value === undefined || value >= 0 ? [] : [invalidValue(field, value, 'must be greater than or equal to 0')]
}

/** One or more. */
export function mustBePositive(field: string, value: number | undefined): FieldError[] {
  return value === undefined || value > 0 ? [] : [invalidValue(field, value, 'must be greater than 0')]
}

/** Both ends belong to the range. */
export function mustBeBetween(field: string, value: number | undefined, low: number, high: number): FieldError[] {
  if (value === undefined || (value >= low && value <= high)) return []
  return [invalidValue(field, value, `must be between ${low} and ${high}, inclusive`)]
}

/** A TCP, UDP or SCTP port number. */
export function mustBePort(field: string, value: number | undefined): FieldError[] {
  return mustBeBetween(field, value, 1, 65_535)
}

/** An IP address without a zone. */
export function mustBeAddress(field: string, value: string | undefined): FieldError[] {
  return value === undefined ? [] : invalidIf(field, value, whyNotAddress(value))
}

/** An IP address that leads to a machine, never back to the host itself or to the link. */
export function mustBeMachineAddress(field: string, value: string): FieldError[] {
  return invalidIf(field, value, whyNotMachineAddress(value))
}

/** No value twice; fieldOf names the field of the item at an index. */
export function mustBeUnique(
  values: readonly (string | undefined)[],
  fieldOf: (index: number) => string,
): FieldError[] {
  const seen = new Set<string>()
  return values.flatMap((value, index) => {
    if (value === undefined || value === '') return []
    if (seen.has(value)) return [duplicate(fieldOf(index), value)]
    seen.add(value)
    return []
  })
}

/** File modes are written in decimal in JSON, in octal in YAML. */
export function mustBeFileMode(field: string, mode: number | undefined): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return []
  return [invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]
}

/** A path that stays below where it is put. */
export function mustBeLocalPath(field: string, path: string | undefined): FieldError[] {
  if (path === undefined) return []
  if (path.startsWith('/')) return [invalidValue(field, path, 'must be a relative path')]
  return mustNotGoUp(field, path)
}

/** A path of a file in a volume that the agent writes: names that begin with ".." are where it keeps the versions. */
export function mustBeVolumeFile(field: string, path: string | undefined): FieldError[] {
  const errors = mustBeLocalPath(field, path)
  if (errors.length > 0 || !path?.startsWith('..')) return errors
  return [invalidValue(field, path, "must not start with '..'")]
}

/** A path without "..". */
export function mustNotGoUp(field: string, path: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : []
}
