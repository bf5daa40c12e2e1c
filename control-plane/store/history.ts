// Reads of the log as a history of events, and what of it compaction may remove.

import type { DiskLog, Mutation, Removal } from './disk-log.ts'
import type { StoreEvent } from './store.ts'
import type { HistoryPage } from './watch-hub.ts'

const historyPage = 500
const compactionStep = 1000

/** The events of a batch of writes that follow what is on disk. */
export function toEvents(disk: DiskLog, mutations: readonly Mutation[]): StoreEvent[] {
  const inBatch = new Map(mutations.map((mutation) => [mutation.revision, mutation]))
  return mutations.map((mutation) => {
    const previous = mutation.previousRevision
    return toEvent(mutation, inBatch.get(previous)?.value ?? disk.record(previous)?.value)
  })
}

/** The oldest events below a prefix after a revision that is not compacted. */
export function readHistory(disk: DiskLog, prefix: string, afterRevision: number): HistoryPage {
  return disk.read((transaction) => {
    const events: StoreEvent[] = []
    let through = afterRevision
    for (const record of disk.recordsAfter(afterRevision, historyPage, transaction)) {
      through = record.revision
      if (record.key.startsWith(prefix))
        events.push(toEvent(record, disk.record(record.previousRevision, transaction)?.value))
    }
    // No record is left after the last one, whatever compaction has made of those before it.
    return { events, through: through === afterRevision ? disk.revision(transaction) : through }
  })
}

/** What the next writes after `compacted`, up to a revision, have replaced: one step of a compaction to there. */
export function planRemoval(disk: DiskLog, compacted: number, revision: number): Removal {
  return disk.read((transaction) => {
    const removal: Removal = { through: revision, revisions: [], keys: [] }
    let count = 0
    for (const record of disk.recordsAfter(compacted, compactionStep, transaction)) {
      if (record.revision > revision) break
      count += 1
      if (count === compactionStep) removal.through = record.revision
      if (record.previousRevision > 0) removal.revisions.push(record.previousRevision)
      if (record.value !== undefined) continue
      removal.revisions.push(record.revision)
      if (disk.head(record.key, transaction)?.revision === record.revision) removal.keys.push(record.key)
    }
    return removal
  })
}

function toEvent({ key, value, revision, createRevision, previousRevision }: Mutation, oldValue?: string): StoreEvent {
  const old = { key, value: oldValue ?? '', revision: previousRevision, createRevision }
  if (value === undefined) return { type: 'delete', key, revision, old }
  const entry = { key, value, revision, createRevision }
  return createRevision === revision ? { type: 'put', entry } : { type: 'put', entry, old }
}
