// Cells that several kinds share.

import type { LabelSelector, PodSpec } from '../generated/types.ts'
import { formatAge } from '../objects/age.ts'
import type { ApiObject, Stored } from '../objects/object.ts'
import { toSelector } from '../objects/selectors.ts'
import type { Column } from './resource.ts'

export const none = '<none>'
export const unknown = '<unknown>'
export const unset = '<unset>'

/** The first column of every kind. */
export const nameColumn: Column<ApiObject> = {
  name: 'Name',
  type: 'string',
  description: 'Name must be unique within a namespace.',
  cell: ({ metadata }) => metadata.name,
}

/** How long the object has been there. */
export const ageColumn: Column<ApiObject> = {
  name: 'Age',
  type: 'date',
  description: 'Time since the object was created.',
  cell: ({ metadata }) => metadata.creationTimestamp,
}

/** Containers, images and selector of a workload, for -o wide. */
export function workloadColumns<T extends ApiObject>(
  podSpecOf: (object: Stored<T>) => PodSpec | undefined,
  selectorOf: (object: Stored<T>) => LabelSelector | undefined,
): Column<T>[] {
  const listed = (object: Stored<T>, field: 'name' | 'image') =>
    (podSpecOf(object)?.containers ?? []).map((container) => container[field] ?? '').join(',')
  return [
    { name: 'Containers', type: 'string', priority: 1, cell: (object) => listed(object, 'name') },
    { name: 'Images', type: 'string', priority: 1, cell: (object) => listed(object, 'image') },
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      cell: (object) => toSelector(selectorOf(object)).toString() || none,
    },
  ]
}

/** Time since a timestamp, for cells that are no "date" columns. */
export function since(timestamp: string | undefined, nowMs: number): string {
  return timestamp === undefined ? unknown : formatAge(Date.parse(timestamp), nowMs)
}

/** At most three items, then how many more there are. */
export function firstThree(items: readonly string[]): string {
  if (items.length === 0) return none
  const more = items.length > 3 ? ` + ${items.length - 3} more...` : ''
  return items.slice(0, 3).join(',') + more
}

/** A map of labels as key=value pairs, sorted by key. */
export function formatLabels(labels: Record<string, string> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? none : pairs.sort().join(',')
}
