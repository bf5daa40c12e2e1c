// The Events of an object, as describe ends with them.

import type { CoreEvent } from '../../api/generated/types.ts'
import { formatAge } from '../../api/objects/age.ts'
import type { Stored } from '../../api/objects/object.ts'
import { formatLines } from '../table.ts'

/** A table of the events, oldest first. */
export function formatEvents(events: readonly Stored<CoreEvent>[], nowMs: number): string {
  if (events.length === 0) return 'Events:  <none>\n'
  const rows = [...events]
    .sort((a, b) => lastMs(a) - lastMs(b))
    .map((event) => [
      `  ${event.type ?? ''}`,
      event.reason ?? '',
      formatTimes(event, nowMs),
      event.source?.component || event.reportingComponent || '',
      (event.message ?? '').trim(),
    ])
  const dashes = ['  ----', '------', '----', '----', '-------']
  return `Events:\n${formatLines([['  Type', 'Reason', 'Age', 'From', 'Message'], dashes, ...rows])}`
}

function formatTimes(event: Stored<CoreEvent>, nowMs: number): string {
  const count = event.count ?? event.series?.count ?? 1
  const last = formatAge(lastMs(event), nowMs)
  if (count <= 1) return last
  return `${last} (x${count} over ${formatAge(Date.parse(event.firstTimestamp ?? event.eventTime ?? ''), nowMs)})`
}

function lastMs({ lastTimestamp, series, eventTime, metadata }: Stored<CoreEvent>): number {
  return Date.parse(lastTimestamp ?? series?.lastObservedTime ?? eventTime ?? metadata.creationTimestamp)
}
