// The way of a create and of an update, from the decoded object to the store. Deletions are in deletion.ts.

import { randomUUID } from 'node:crypto'
import type { ManagedFieldsEntry } from '../../api/generated/types.ts'
import type { ApiObject, ObjectName, Stored } from '../../api/objects/object.ts'
import { badRequest, type FieldError, invalid, isAlreadyExists } from '../../api/objects/status-error.ts'
import { type FieldManager, trackWrite } from '../../api/patch/apply/managed-fields.ts'
import { apiVersionOf, type Resource } from '../../api/resources/resource.ts'
import { validateCreate, validateUpdate } from '../../api/resources/validate-object.ts'
import { type AdmissionRequest, type AdmissionRules, admit, type ClusterReader } from './admission/admission.ts'
import { isFinished } from './deletion.ts'
import type { User } from './exchange.ts'
import { randomSuffix } from './random-suffix.ts'
import type { ServiceAllocator } from './service-allocator.ts'
import { type Change, checkPreconditions, type Storage } from './storage.ts'
import type { TokenSigner } from './tokens/token-signer.ts'

/** What every write works with. */
export interface WriteContext {
  storage: Storage
  cluster: ClusterReader
  admission: AdmissionRules
  services: ServiceAllocator
  signer: TokenSigner
}

/** Which object is written, by whom. */
export interface Target {
  resource: Resource
  namespace: string
  name: string
  subresource: string
  user: User
  dryRun: boolean
  /** Who manages the fields that are written; absent: the user. */
  fieldManager?: string
}

/** Says who manages which fields of an object that is about to be stored; undefined: nobody is known to. */
export type Manage = (object: ApiObject, current: Stored<ApiObject>) => ManagedFieldsEntry[] | undefined

const nameTries = 8

/** Stores a new object. */
export async function createObject(
  context: WriteContext,
  target: Target,
  object: ApiObject,
  managedFields?: ManagedFieldsEntry[],
): Promise<Stored<ApiObject>> {
  const { generateName, name } = object.metadata ?? {}
  if (name !== undefined && name !== '') return tryCreate(context, target, object, managedFields)
  for (let tries = 1; ; tries++) {
    const generated = generateName === undefined || generateName === '' ? undefined : generateName + randomSuffix()
    const named = { ...structuredClone(object), metadata: { ...object.metadata, name: generated } }
    try {
      return await tryCreate(context, target, named)
    } catch (error) {
      if (generated === undefined || tries === nameTries || !isAlreadyExists(error)) throw error
    }
  }
}

async function tryCreate(
  context: WriteContext,
  target: Target,
  object: ApiObject,
  managedFields?: ManagedFieldsEntry[],
): Promise<Stored<ApiObject>> {
  const { resource, dryRun } = target
  startMetadata(target, object)
  const name = object.metadata?.name ?? ''
  const request: AdmissionRequest = { ...target, verb: 'create', name, object }
  // Before validation: an object in a namespace that is not there is a 404 whatever else is wrong with it.
  await admit(context.admission.validating, request, context.cluster)
  resource.setDefaults?.(object)
  await admit(context.admission.mutating, request, context.cluster)
  resource.prepareForCreate?.(object)
  const errors = validateCreate(resource, object)
  if (errors.length > 0) throw invalid(resource, name, errors)
  if (managedFields !== undefined) object.metadata = { ...object.metadata, managedFields }
  using _reserved = context.services.allocate(resource, object)
  const exists = dryRun && (await context.cluster.find(resource, nameOf(target, object))) !== undefined
  if (dryRun && !exists) return toStored(object)
  return await context.storage.create(resource, object)
}

function startMetadata({ resource, namespace }: Target, object: ApiObject): void {
  const given = object.metadata ?? {}
  if (given.resourceVersion !== undefined && given.resourceVersion !== '') {
    throw badRequest('resourceVersion should not be set on objects to be created')
  }
  const {
    deletionTimestamp: _,
    deletionGracePeriodSeconds: __,
    selfLink: ___,
    managedFields: ____,
    ...metadata
  } = given
  delete metadata.resourceVersion
  object.apiVersion = apiVersionOf(resource)
  object.kind = resource.kind
  object.metadata = {
    ...metadata,
    ...(resource.namespaced && { namespace }),
    uid: randomUUID(),
    creationTimestamp: timestamp(),
  }
}

/** Replaces what is stored by what replace makes of it, by the main door or that of /status or /approval. */
export async function updateObject(
  context: WriteContext,
  target: Target,
  replace: (current: Stored<ApiObject>) => ApiObject | Promise<ApiObject>,
  manage: Manage | undefined = undefined,
): Promise<Stored<ApiObject>> {
  const { resource, name, namespace, subresource, dryRun } = target
  const reserved: Disposable[] = []
  const decide = async (current: Stored<ApiObject>): Promise<Change> => {
    const object = await replace(structuredClone(current))
    checkPreconditions(resource, current, object.metadata ?? {})
    const base = baseEntries(object, current)
    carryMetadata(object, current)
    await finishUpdate(context, target, object, current)
    const managedFields =
      manage === undefined ? trackWrite(withEntries(current, base), object, managerOf(target)) : manage(object, current)
    object.metadata = { ...object.metadata, managedFields }
    if (subresource === '') reserved.push(context.services.allocate(resource, object, current))
    return isFinished(resource, object) ? { delete: true } : { write: object }
  }
  try {
    const { object } = await context.storage.update(resource, objectName(resource, namespace, name), decide, dryRun)
    return object
  } finally {
    for (const reservation of reserved) reservation[Symbol.dispose]()
  }
}

/** Clients may change who manages what; [{}] makes the server forget it. Most leave it out. */
function baseEntries({ metadata }: ApiObject, current: Stored<ApiObject>): ManagedFieldsEntry[] {
  const [first, ...more] = metadata?.managedFields ?? []
  if (first === undefined) return current.metadata.managedFields ?? []
  return more.length === 0 && Object.keys(first).length === 0 ? [] : [first, ...more]
}

function withEntries(current: Stored<ApiObject>, managedFields: ManagedFieldsEntry[]): ApiObject {
  return { ...current, metadata: { ...current.metadata, managedFields } }
}

/** Who writes here. */
export function managerOf({ resource, subresource, user, fieldManager }: Target): FieldManager {
  return {
    name: fieldManager ?? user.name,
    apiVersion: apiVersionOf(resource),
    subresource,
    definition: resource.definition,
    time: timestamp(),
  }
}

async function finishUpdate(
  context: WriteContext,
  target: Target,
  object: ApiObject,
  old: Stored<ApiObject>,
): Promise<void> {
  const { resource, subresource, name } = target
  resource.setDefaults?.(object)
  const request: AdmissionRequest = { ...target, verb: 'update', object, old }
  await admit(context.admission.mutating, request, context.cluster)
  if (subresource === 'status') resource.prepareForStatusUpdate?.(object, old)
  else if (subresource === 'approval') resource.prepareForApproval?.(object, old)
  else if (subresource === '') resource.prepareForUpdate?.(object, old)
  await admit(context.admission.validating, request, context.cluster)
  const errors = validateStep(target, object, old)
  if (errors.length > 0) throw invalid(resource, name, errors)
}

function validateStep({ resource, subresource }: Target, object: ApiObject, old: Stored<ApiObject>): FieldError[] {
  if (subresource === '') return validateUpdate(resource, object, old)
  const isStatus = subresource === 'status' || subresource === 'approval'
  return isStatus ? (resource.validateStatusUpdate?.(object, old, subresource) ?? []) : []
}

/** What no client may change. */
function carryMetadata(object: ApiObject, { metadata: old }: Stored<ApiObject>): void {
  const { managedFields: _, selfLink: __, ...given } = object.metadata ?? {}
  const metadata = { ...given, uid: old.uid, creationTimestamp: old.creationTimestamp, name: old.name }
  for (const field of ['namespace', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generateName'] as const) {
    if (old[field] === undefined) delete metadata[field]
    else Object.assign(metadata, { [field]: old[field] })
  }
  object.metadata = metadata
}

/** Throws BadRequest when the object does not belong where the request sends it; fills in what the path says. */
export function matchPath(
  { resource, namespace, name }: Pick<Target, 'resource' | 'namespace' | 'name'>,
  object: ApiObject,
): void {
  const given = object.metadata ?? {}
  const differs = (inBody: string | undefined, inPath: string) =>
    inBody !== undefined && inBody !== '' && inBody !== inPath
  if (resource.namespaced && differs(given.namespace, namespace)) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  if (name !== '' && differs(given.name, name)) {
    throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`)
  }
  object.metadata = { ...given, ...(resource.namespaced && { namespace }), ...(name !== '' && { name }) }
}

/** Now, as Kubernetes writes it. */
export function timestamp(afterSeconds = 0): string {
  return `${new Date(Date.now() + afterSeconds * 1000).toISOString().slice(0, 19)}Z`
}

/** The name of an object of this kind. */
export function objectName({ namespaced }: Resource, namespace: string, name: string): ObjectName {
  return namespaced ? { namespace, name } : { name }
}

function nameOf({ resource, namespace }: Target, { metadata }: ApiObject): ObjectName {
  return objectName(resource, namespace, metadata?.name ?? '')
}

function toStored(object: ApiObject): Stored<ApiObject> {
  const { name = '', uid = '', creationTimestamp = '' } = object.metadata ?? {}
  return { ...object, metadata: { ...object.metadata, name, uid, creationTimestamp, resourceVersion: '' } }
}
