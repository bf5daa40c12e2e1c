// Rows and columns of kubectl get.

import { formatAge } from '../../api/objects/age.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import type { Column, Resource } from '../../api/resources/resource.ts'

/** How much of the object comes with its row. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** The heads of the table. */
export function columnDefinitions({ columns }: Resource): object[] {
  return columns.map(({ name, type, priority = 0, description = '' }) => ({
    name,
    // Ages are made here, so that to kubectl they are text.
    type: type === 'date' ? 'string' : type,
    format: name === 'Name' ? 'name' : '',
    description,
    priority,
  }))
}

/** One line. */
export function toRow(
  { columns }: Resource,
  object: Stored<ApiObject>,
  { include, nowMs, apiVersion }: { include: IncludeObject; nowMs: number; apiVersion: string },
): object {
  const cells = columns.map((column) => cellOf(column, object, nowMs))
  if (include === 'None') return { cells, object: null }
  if (include === 'Object') return { cells, object }
  return { cells, object: { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata } }
}

function cellOf(column: Column<ApiObject>, object: Stored<ApiObject>, nowMs: number): string | number {
  const value = column.cell(object, nowMs)
  if (column.type !== 'date') return value
  return value === '' ? '<unknown>' : formatAge(Date.parse(String(value)), nowMs)
}
