// Who manages which fields of an object, and what becomes of that when somebody applies or writes. Pure.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/

import type { ManagedFieldsEntry } from '../../generated/types.ts'
import type { ApiObject } from '../../objects/object.ts'
import { StatusError } from '../../objects/status-error.ts'
import { definitionNamed } from '../../schema/schemas.ts'
import { compare, fieldSetOf } from './compare.ts'
import { FieldSet, formatPath, nothing } from './field-set.ts'
import { merge, removeFields } from './merge.ts'

/** Who writes, by which door. */
export interface FieldManager {
  name: string
  apiVersion: string
  subresource: string
  /** The kind's OpenAPI definition. */
  definition: string
  /** Now, as timestamps are written. */
  time: string
}

interface Managed {
  entry: ManagedFieldsEntry
  set: FieldSet
}

/** Owns what was there before anybody applied. */
const formerManager = 'before-first-apply'
/** Fields that the server itself sets, or that say which object it is. */
const serverFields = [
  'name',
  'namespace',
  'generateName',
  'uid',
  'selfLink',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
]

/**
 * Lays what is applied over the live object, and takes out what the manager applied before and no longer does, unless
 * others have it too. Throws a conflict that names the fields of others that would change, unless it is forced.
 */
export function applyObject(
  live: ApiObject | undefined,
  applied: ApiObject,
  manager: FieldManager,
  force: boolean,
): { object: ApiObject; managedFields: ManagedFieldsEntry[] } {
  const schema = definitionNamed(manager.definition)
  const { own, others } = readEntries(live, manager, 'Apply')
  const set = ownable(fieldSetOf(applied, schema), manager)
  const kept = others.reduce((sum, other) => sum.union(other.set), set)
  const merged = merge(live ?? {}, applied, schema)
  const object = (own === undefined ? merged : removeFields(merged, own.set, kept, schema)) as ApiObject
  const { added, modified, removed } = compareOwnable(live ?? {}, object, manager)
  const changed = added.union(modified)
  const disputed = changed.difference(lastApplied(live, manager))
  const conflicts = others.filter((other) => !other.set.intersection(disputed).isEmpty)
  if (!force && conflicts.length > 0) throw conflictWith(conflicts, disputed)
  const remaining = others.map((other) => rewrite(other, other.set.difference(changed).difference(removed), manager))
  return {
    object,
    managedFields: toEntries([rewrite(own ?? makeManaged(manager, 'Apply'), set, manager), ...remaining]),
  }
}

/** What kubectl applied by itself before is its own, whoever is on record as having written it. */
function lastApplied(live: ApiObject | undefined, { name, definition }: FieldManager): FieldSet {
  const text = live?.metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration']
  if (name !== 'kubectl' || text === undefined) return nothing
  try {
    return fieldSetOf(JSON.parse(text), definitionNamed(definition))
  } catch {
    return nothing // not what kubectl writes: no excuse for anything
  }
}

/** The entries after a write that did not apply: who writes a field has it. Objects that nobody applied are not followed. */
export function trackWrite(old: ApiObject, now: ApiObject, manager: FieldManager): ManagedFieldsEntry[] | undefined {
  const entries = old.metadata?.managedFields ?? []
  if (entries.length === 0) return undefined
  const { own, others } = readEntries(old, manager, 'Update')
  const { added, modified, removed } = compareOwnable(old, now, manager)
  const changed = added.union(modified)
  const mine = own ?? makeManaged(manager, 'Update')
  return toEntries([
    ...others.map((other) => rewrite(other, other.set.difference(changed).difference(removed), manager)),
    rewrite(mine, mine.set.union(changed).difference(removed), manager),
  ])
}

function readEntries(object: ApiObject | undefined, manager: FieldManager, operation: 'Apply' | 'Update') {
  const entries = object?.metadata?.managedFields ?? []
  const managed: Managed[] = entries.map((entry) => ({ entry, set: FieldSet.from(entry.fieldsV1) }))
  if (object !== undefined && entries.length === 0) {
    const former = makeManaged({ ...manager, name: formerManager, subresource: '' }, 'Update')
    managed.push({ ...former, set: ownable(fieldSetOf(object, definitionNamed(manager.definition)), manager) })
  }
  const isOwn = ({ entry }: Managed) =>
    entry.manager === manager.name &&
    entry.operation === operation &&
    (entry.subresource ?? '') === manager.subresource &&
    (operation === 'Apply' || entry.apiVersion === manager.apiVersion)
  return { own: managed.find(isOwn), others: managed.filter((each) => !isOwn(each)) }
}

function makeManaged({ name, apiVersion, subresource, time }: FieldManager, operation: string): Managed {
  const entry = { manager: name, operation, apiVersion, time, fieldsType: 'FieldsV1' }
  return { entry: { ...entry, ...(subresource !== '' && { subresource }) }, set: new FieldSet() }
}

/** The time is that of the last change of the set. */
function rewrite({ entry, set: before }: Managed, set: FieldSet, { time, apiVersion }: FieldManager): Managed {
  const isSame = JSON.stringify(before.toFields()) === JSON.stringify(set.toFields())
  return isSame ? { entry, set } : { entry: { ...entry, apiVersion: entry.apiVersion ?? apiVersion, time }, set }
}

/** Applied ones first, as Kubernetes lists them. */
function toEntries(managed: readonly Managed[]): ManagedFieldsEntry[] {
  const left = managed.filter(({ set }) => !set.isEmpty)
  const rank = ({ entry }: Managed) => `${entry.operation} ${entry.time} ${entry.manager} ${entry.subresource ?? ''}`
  const sorted = left.sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
  return sorted.map(({ entry, set }) => ({ ...entry, fieldsV1: set.toFields() }))
}

function compareOwnable(old: unknown, now: unknown, manager: FieldManager) {
  const { added, modified, removed } = compare(old, now, definitionNamed(manager.definition))
  return {
    added: ownable(added, manager),
    modified: ownable(modified, manager),
    removed: ownable(removed, manager),
  }
}

/** What a manager can have by its door: nothing that the server sets, and the status by its own door alone. */
function ownable(set: FieldSet, { subresource }: FieldManager): FieldSet {
  const left = new FieldSet()
  for (const [element, part] of set.parts) {
    const isStatus = element === 'f:status'
    if (element === 'f:apiVersion' || element === 'f:kind' || isStatus !== (subresource === 'status')) continue
    const below = new FieldSet()
    // The parts that every object has belong to nobody as a whole.
    below.self = part.self && part.parts.size === 0 && element !== 'f:metadata'
    for (const [name, field] of part.parts)
      if (element !== 'f:metadata' || !serverFields.includes(name.slice(2))) below.add(name, field)
    left.add(element, below)
  }
  return left
}

function conflictWith(others: readonly Managed[], changed: FieldSet): StatusError {
  const causes = others.flatMap((other) =>
    [...other.set.intersection(changed).paths()].map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${describe(other.entry)}`,
      field: formatPath(path),
    })),
  )
  const count = `${causes.length} conflict${causes.length === 1 ? '' : 's'}`
  const text = [...new Set(causes.map(({ message }) => message))].map((message) => {
    const fields = causes.filter((cause) => cause.message === message).map(({ field }) => field)
    if (fields.length === 1) return `${message}: ${fields[0]}`
    return `${message.replace('conflict', 'conflicts')}:\n${fields.map((field) => `- ${field}`).join('\n')}`
  })
  return new StatusError(409, 'Conflict', `Apply failed with ${count}: ${text.join('\n')}`, { causes })
}

function describe({ manager, operation, apiVersion, subresource, time }: ManagedFieldsEntry): string {
  const who = `"${manager}"${subresource === undefined ? '' : ` with subresource "${subresource}"`}`
  return operation === 'Update' ? `${who} using ${apiVersion}${time === undefined ? '' : ` at ${time}`}` : who
}
