// Rules that ConfigMaps and Secrets share: keys that can be file names, a limit in size, and immutability.

import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidIf, invalidValue, tooLong } from '../objects/field-errors.ts'
import { whyNotConfigKey } from '../objects/names.ts'
import type { FieldError } from '../objects/status-error.ts'

const limitBytes = 1024 * 1024

interface ConfigData {
  data?: Record<string, string>
  binaryData?: Record<string, string>
  immutable?: boolean
}

/** Rules for keys and total size. */
export function validateConfigData(
  { data = {}, binaryData = {} }: ConfigData,
  encoding: 'text' | 'base64',
): FieldError[] {
  const shared = Object.keys(binaryData).filter((key) => Object.hasOwn(data, key))
  const size = sizeOf(data, encoding) + sizeOf(binaryData, 'base64')
  return [
    ...Object.keys(data).flatMap((key) => invalidIf(`data[${key}]`, key, whyNotConfigKey(key))),
    ...Object.keys(binaryData).flatMap((key) => invalidIf(`binaryData[${key}]`, key, whyNotConfigKey(key))),
    ...shared.map((key) => invalidValue(`data[${key}]`, key, `duplicate of key present in binaryData`)),
    ...(size > limitBytes ? [tooLong('data', limitBytes)] : []),
  ]
}

/** An immutable object keeps its data, and stays immutable. */
export function validateImmutability(object: ConfigData, old: ConfigData): FieldError[] {
  if (old.immutable !== true) return []
  const why = 'field is immutable when `immutable` is set'
  const changed = (['data', 'binaryData'] as const).filter(
    (field) => !isDeepStrictEqual(object[field] ?? {}, old[field] ?? {}),
  )
  return [
    ...(object.immutable === true ? [] : [forbiddenField('immutable', why)]),
    ...changed.map((field) => forbiddenField(field, why)),
  ]
}

function sizeOf(data: Record<string, string>, encoding: 'text' | 'base64'): number {
  const bytes = (text: string) => Buffer.byteLength(text, encoding === 'text' ? 'utf8' : 'base64')
  return Object.values(data).reduce((sum, value) => sum + bytes(value), 0)
}
