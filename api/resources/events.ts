import type { CoreEvent } from '../generated/types.ts'
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
  columns: eventColumns,
  selectableFields: eventFields,
}
