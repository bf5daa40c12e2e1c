// Rules for the metadata of every kind.

import type { OwnerReference } from '../generated/types.ts'
import { forbiddenField, immutable, invalidIf, invalidValue, required, tooLong } from '../objects/field-errors.ts'
import { whyNotDnsLabel, whyNotDnsSubdomain, whyNotLabelValue, whyNotQualifiedName } from '../objects/names.ts'
import type { ApiObject, Stored } from '../objects/object.ts'
import type { FieldError } from '../objects/status-error.ts'
import type { Resource } from './resource.ts'

const annotationsLimitBytes = 256 * 1024
const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion']

/** All that is wrong with metadata on its own. */
export function validateMetadata(
  resource: Pick<Resource, 'namespaced' | 'whyNotName'>,
  object: ApiObject,
): FieldError[] {
  const { name, generateName, namespace, labels, annotations, ownerReferences, finalizers } = object.metadata ?? {}
  const whyNotName = resource.whyNotName ?? whyNotDnsSubdomain
  const isMissing = name === undefined || name === ''
  return [
    ...(isMissing
      ? [required('metadata.name', 'name or generateName is required')]
      : invalidIf('metadata.name', name, whyNotName(name))),
    ...validateGenerateName(generateName, whyNotName),
    ...(resource.namespaced && namespace !== undefined
      ? invalidIf('metadata.namespace', namespace, whyNotDnsLabel(namespace))
      : []),
    ...(!resource.namespaced && namespace ? [forbiddenField('metadata.namespace', 'not allowed on this type')] : []),
    ...validateLabels(labels, 'metadata.labels'),
    ...validateAnnotations(annotations, 'metadata.annotations'),
    ...validateOwners(ownerReferences ?? []),
    ...validateFinalizers(finalizers ?? []),
  ]
}

/** A generated name ends with five random characters, so its prefix may end with a dash or dot. */
function validateGenerateName(
  prefix: string | undefined,
  whyNotName: (name: string) => string | undefined,
): FieldError[] {
  if (prefix === undefined || prefix === '') return []
  return invalidIf('metadata.generateName', prefix, whyNotName(prefix.replace(/[-.]$/, 'a')))
}

/** Rules for a map of labels, wherever it stands. */
export function validateLabels(labels: Record<string, string> | undefined, path: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...invalidIf(path, key, whyNotQualifiedName(key)),
    ...invalidIf(path, value, whyNotLabelValue(value)),
  ])
}

/** Rules for annotations: keys as in labels, values free, but not without end. */
export function validateAnnotations(annotations: Record<string, string> | undefined, path: string): FieldError[] {
  const entries = Object.entries(annotations ?? {})
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  return [
    ...entries.flatMap(([key]) => invalidIf(path, key, whyNotQualifiedName(key.toLowerCase()))),
    ...(size > annotationsLimitBytes ? [tooLong(path, annotationsLimitBytes)] : []),
  ]
}

function validateOwners(owners: readonly OwnerReference[]): FieldError[] {
  const path = 'metadata.ownerReferences'
  const fields = ['apiVersion', 'kind', 'name', 'uid'] as const
  const controllers = owners.filter(({ controller }) => controller === true)
  const [first, second] = controllers
  return [
    ...owners.flatMap((owner, index) =>
      fields
        .filter((field) => !owner[field])
        .map((field) => invalidValue(`${path}[${index}].${field}`, '', 'must not be empty')),
    ),
    ...(first !== undefined && second !== undefined
      ? [
          invalidValue(
            path,
            second.name,
            `Only one reference can have Controller set to true. Found "true" in references for ${first.kind}/${first.name} and ${second.kind}/${second.name}`,
          ),
        ]
      : []),
  ]
}

function validateFinalizers(finalizers: readonly string[]): FieldError[] {
  const path = 'metadata.finalizers'
  const isNamed = (finalizer: string) => finalizer.includes('/') || standardFinalizers.includes(finalizer)
  const excludes = finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')
  return [
    ...finalizers.flatMap((finalizer, index) => {
      const why = 'name is neither a standard finalizer name nor is it fully qualified'
      return invalidIf(
        `${path}[${index}]`,
        finalizer,
        whyNotQualifiedName(finalizer) ?? (isNamed(finalizer) ? undefined : why),
      )
    }),
    ...(excludes
      ? [invalidValue(path, finalizers, 'finalizers orphan and foregroundDeletion cannot be both set')]
      : []),
  ]
}

/** What is wrong with the step from old metadata to new. Name and namespace are what the request was about. */
export function validateMetadataUpdate(object: ApiObject, { metadata: old }: Stored<ApiObject>): FieldError[] {
  const { name, namespace, uid, finalizers } = object.metadata ?? {}
  const added = (finalizers ?? []).filter((finalizer) => old.finalizers?.includes(finalizer) !== true)
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`
  return [
    ...(name !== old.name ? [immutable('metadata.name', name)] : []),
    ...(namespace !== old.namespace ? [immutable('metadata.namespace', namespace)] : []),
    ...(uid !== undefined && uid !== old.uid ? [immutable('metadata.uid', uid)] : []),
    ...(old.deletionTimestamp !== undefined && added.length > 0 ? [forbiddenField('metadata.finalizers', why)] : []),
  ]
}
