// Any object, field by field: for kinds that nothing better is known of.

import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { listPairs, type Row, type Value } from './sheet.ts'

/** Rows for an object of any kind. */
export function describeAny({ metadata, ...rest }: Stored<ApiObject>): Row[] {
  const { apiVersion, kind, ...fields } = rest
  return [
    ...describeMeta(metadata),
    ['API Version', apiVersion],
    ['Kind', kind],
    ['Created', metadata.creationTimestamp],
    ...toRows(fields),
  ]
}

/** The rows that every description starts with. */
export function describeMeta(metadata: Stored<ApiObject>['metadata']): Row[] {
  const { 'kubectl.kubernetes.io/last-applied-configuration': _, ...annotations } = metadata.annotations ?? {}
  return [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', listPairs(metadata.labels)],
    ['Annotations', listPairs(annotations, ': ')],
  ]
}

function toRows(fields: object): Row[] {
  return Object.entries(fields).map(([name, value]) => [toTitle(name), toValue(value)] as const)
}

function toValue(value: unknown): Value {
  if (Array.isArray(value)) {
    return value.every((item) => typeof item !== 'object')
      ? value.map(String)
      : value.flatMap((item, at): Row[] => [[`${at + 1}`, toValue(item)]])
  }
  if (typeof value === 'object' && value !== null) return toRows(value)
  return String(value)
}

/** podIPs becomes "Pod IPs"; keys of maps with dots or slashes stay as they are. */
export function toTitle(name: string): string {
  if (/[./-]/.test(name)) return name
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/^./, (first) => first.toUpperCase())
}
