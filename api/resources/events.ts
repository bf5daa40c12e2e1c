import type { CoreEvent } from '../generated/types.ts'
import { invalidValue } from '../objects/field-errors.ts'
import { eventColumns, eventFields } from './event-columns.ts'
import type { Resource } from './resource.ts'

export const events: Resource<CoreEvent> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  categories: [],
  namespaced: true,
  subresources: [],
  definition: 'io.k8s.api.core.v1.Event',
  storagePath: 'events',
  setDefaults(event) {
    event.involvedObject ??= {}
  },
  validate: ({ metadata, involvedObject }) => {
    const about = involvedObject?.namespace
    const isElsewhere = about ? about !== metadata?.namespace : metadata?.namespace !== 'default'
    const why = 'does not match event.namespace'
    return isElsewhere ? [invalidValue('involvedObject.namespace', about ?? '', why)] : []
  },
  columns: eventColumns,
  selectableFields: eventFields,
}
