import type { CoreEvent } from '../generated/types.ts'
import type { Stored } from '../objects/object.ts'
import { nameColumn, since } from './cells.ts'
import type { Column, FieldReader } from './resource.ts'

/** What `kubectl get events` shows. */
export const eventColumns: readonly Column<CoreEvent>[] = [
  {
    name: 'Last Seen',
    type: 'string',
    description: 'Time since it last happened.',
    cell: (event, nowMs) => since(lastSeen(event), nowMs),
  },
  { name: 'Type', type: 'string', description: 'Normal or Warning.', cell: ({ type }) => type ?? '' },
  { name: 'Reason', type: 'string', description: 'Why, in one word.', cell: ({ reason }) => reason ?? '' },
  {
    name: 'Object',
    type: 'string',
    description: 'What it happened to.',
    cell: ({ involvedObject: { kind, name } }) => `${(kind ?? '').toLowerCase()}${name ? `/${name}` : ''}`,
  },
  { name: 'Subobject', type: 'string', priority: 1, cell: ({ involvedObject }) => involvedObject.fieldPath ?? '' },
  { name: 'Source', type: 'string', priority: 1, cell: sourceCell },
  { name: 'Message', type: 'string', description: 'What happened.', cell: ({ message }) => (message ?? '').trim() },
  {
    name: 'First Seen',
    type: 'string',
    priority: 1,
    cell: (event, nowMs) => since(event.firstTimestamp ?? event.eventTime, nowMs),
  },
  { name: 'Count', type: 'integer', priority: 1, cell: ({ series, count }) => series?.count ?? count ?? 1 },
  { ...nameColumn, priority: 1 },
]

/** What field selectors may ask of events. */
export const eventFields: Readonly<Record<string, FieldReader<CoreEvent>>> = {
  'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '',
  'involvedObject.namespace': ({ involvedObject }) => involvedObject.namespace ?? '',
  'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '',
  'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '',
  'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion ?? '',
  'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject.resourceVersion ?? '',
  'involvedObject.fieldPath': ({ involvedObject }) => involvedObject.fieldPath ?? '',
  reason: ({ reason }) => reason ?? '',
  type: ({ type }) => type ?? '',
  source: ({ source, reportingComponent }) => source?.component || (reportingComponent ?? ''),
  reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
}

function lastSeen({ series, lastTimestamp, firstTimestamp, eventTime }: Stored<CoreEvent>): string | undefined {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp
}

function sourceCell({ source, reportingComponent, reportingInstance }: Stored<CoreEvent>): string {
  const component = source?.component || reportingComponent || ''
  const host = source?.host || reportingInstance || ''
  return host === '' ? component : `${component}, ${host}`
}
