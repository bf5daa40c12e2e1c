import type { Container, EnvVar, EnvVarSource } from '../../generated/types.ts'
import { forbiddenField, invalidIf, invalidValue, notSupported, required } from '../../objects/field-errors.ts'
import { whyNotDnsSubdomain, whyNotEnvName, whyNotQualifiedName } from '../../objects/names.ts'
import type { FieldError } from '../../objects/status-error.ts'
import { mustBeSet } from '../rules.ts'

const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
const fileFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.labels',
  'metadata.annotations',
]
const resourceFieldNames = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-\w+)$/

/** Rules for env and envFrom of a container. */
export function validateEnv({ env, envFrom }: Container, path: string): FieldError[] {
  return [
    ...(env ?? []).flatMap((variable, index) => validateVariable(variable, `${path}.env[${index}]`)),
    ...(envFrom ?? []).flatMap(({ configMapRef, secretRef, prefix }, index) => {
      const at = `${path}.envFrom[${index}]`
      return [
        ...(prefix ? invalidIf(`${at}.prefix`, prefix, whyNotEnvName(prefix)) : []),
        ...validateOneOf({ configMapRef, secretRef }, at),
        ...(configMapRef === undefined ? [] : mustBeSet(`${at}.configMapRef.name`, configMapRef.name)),
        ...(secretRef === undefined ? [] : mustBeSet(`${at}.secretRef.name`, secretRef.name)),
      ]
    }),
  ]
}

function validateVariable({ name, value, valueFrom }: EnvVar, path: string): FieldError[] {
  return [
    ...(name ? invalidIf(`${path}.name`, name, whyNotEnvName(name)) : [required(`${path}.name`)]),
    ...(valueFrom === undefined ? [] : validateSource(valueFrom, value, `${path}.valueFrom`)),
  ]
}

function validateSource(source: EnvVarSource, value: string | undefined, path: string): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source
  if (value) return [invalidValue(path, '', 'may not be specified when `value` is not empty')]
  const errors = validateOneOf({ fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef }, path)
  if (errors.length > 0) return errors
  return [
    ...(fieldRef === undefined
      ? []
      : validateFieldPath(fieldRef.fieldPath, envFieldPaths, `${path}.fieldRef.fieldPath`)),
    ...(resourceFieldRef === undefined
      ? []
      : validateResourceField(resourceFieldRef.resource, `${path}.resourceFieldRef`)),
    ...(configMapKeyRef === undefined ? [] : validateKeyRef(configMapKeyRef, `${path}.configMapKeyRef`)),
    ...(secretKeyRef === undefined ? [] : validateKeyRef(secretKeyRef, `${path}.secretKeyRef`)),
  ]
}

/** Exactly one of these must be set. */
export function validateOneOf(choices: Record<string, unknown>, path: string): FieldError[] {
  const given = Object.values(choices).filter((choice) => choice !== undefined)
  const names = Object.keys(choices)
  if (given.length === 1) return []
  if (given.length > 1) return [invalidValue(path, '', 'may not have more than one field specified at a time')]
  return [invalidValue(path, '', `must specify one of: ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`)]
}

function validateKeyRef({ name, key }: { name?: string; key?: string }, path: string): FieldError[] {
  return [
    ...(name ? invalidIf(`${path}.name`, name, whyNotDnsSubdomain(name)) : [required(`${path}.name`)]),
    ...mustBeSet(`${path}.key`, key),
  ]
}

/** A field of the pod that a file of the downward API may show. */
export function validateFileFieldPath(fieldPath: string, field: string): FieldError[] {
  return validateFieldPath(fieldPath, fileFieldPaths, field)
}

function validateFieldPath(fieldPath: string | undefined, allowed: readonly string[], field: string): FieldError[] {
  if (!fieldPath) return [required(field)]
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath)
  if (subscript !== null) return invalidIf(field, subscript[2], whyNotQualifiedName((subscript[2] ?? '').toLowerCase()))
  return allowed.includes(fieldPath) ? [] : [notSupported(field, fieldPath, allowed)]
}

/** A limit or request of a container. */
export function validateResourceField(resource: string | undefined, path: string): FieldError[] {
  if (!resource) return [required(`${path}.resource`)]
  if (resourceFieldNames.test(resource)) return []
  return [
    forbiddenField(`${path}.resource`, `${JSON.stringify(resource)} is not a limit or request such as limits.cpu`),
  ]
}
