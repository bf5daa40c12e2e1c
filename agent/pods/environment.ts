// A container's environment: services of its namespace, envFrom, env; and the expansion of $(NAME).
// https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/

import type { Container as ContainerTemplate, EnvVarSource } from '../../api/generated/types.ts'
import { type DownwardFacts, needsPodIp, readField, readResource } from '../volumes/downward.ts'
import { ConfigError, type ObjectSource } from '../volumes/objects.ts'
import type { StoredPod } from './pod.ts'

export interface EnvironmentInput {
  pod: StoredPod
  template: ContainerTemplate
  objects: ObjectSource
  facts: DownwardFacts
  /** Variables of the services; the container's own win over them. */
  services: ReadonlyMap<string, string>
}

/** Throws ConfigError when a ConfigMap, Secret or key that is not optional is missing. */
export async function makeEnvironment(input: EnvironmentInput): Promise<Map<string, string>> {
  const { template, services } = input
  const own = new Map<string, string>()
  for (const { prefix = '', configMapRef, secretRef } of template.envFrom ?? []) {
    const values = configMapRef
      ? await configMapValues(input, configMapRef.name ?? '', configMapRef.optional)
      : await secretValues(input, secretRef?.name ?? '', secretRef?.optional)
    for (const [key, value] of values ?? []) own.set(prefix + key, value)
  }
  for (const { name, value, valueFrom } of template.env ?? []) {
    const text = valueFrom
      ? await readSource(input, valueFrom)
      : expand(value ?? '', (key) => own.get(key) ?? services.get(key))
    if (text !== undefined) own.set(name, text)
  }
  return new Map([...[...services].filter(([name]) => !own.has(name)), ...own])
}

/** True when the environment cannot be made before the pod has its address. */
export function environmentNeedsIp({ env = [] }: ContainerTemplate): boolean {
  return env.some(({ valueFrom }) => needsPodIp(valueFrom?.fieldRef?.fieldPath ?? ''))
}

/** Replaces $(NAME) by its value; a name without one stays as it is, and $$ stands for one $. */
export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) => {
    if (name === undefined) return '$'
    return lookUp(name) ?? match
  })
}

async function readSource(input: EnvironmentInput, source: EnvVarSource): Promise<string | undefined> {
  const { pod, template, facts } = input
  if (source.fieldRef !== undefined) return readField(pod, source.fieldRef.fieldPath, facts)
  if (source.resourceFieldRef !== undefined) return readResource(pod, source.resourceFieldRef, template.name, facts)
  const { configMapKeyRef, secretKeyRef } = source
  if (configMapKeyRef !== undefined) {
    const { name = '', key, optional } = configMapKeyRef
    return required(
      await configMapValues(input, name, optional),
      `configmap ${namespaceOf(pod)}/${name}`,
      key,
      optional,
    )
  }
  if (secretKeyRef !== undefined) {
    const { name = '', key, optional } = secretKeyRef
    return required(await secretValues(input, name, optional), `Secret ${namespaceOf(pod)}/${name}`, key, optional)
  }
  throw new ConfigError('this valueFrom source is not supported yet')
}

function required(
  values: Map<string, string> | undefined,
  owner: string,
  key: string,
  optional: boolean | undefined,
): string | undefined {
  const value = values?.get(key)
  if (value === undefined && optional !== true) throw new ConfigError(`couldn't find key ${key} in ${owner}`)
  return value
}

const namespaceOf = ({ metadata }: StoredPod) => metadata.namespace ?? 'default'

async function configMapValues({ pod, objects }: EnvironmentInput, name: string, optional?: boolean) {
  const configMap = await objects.configMap(namespaceOf(pod), name)
  if (configMap !== undefined) return new Map(Object.entries(configMap.data ?? {}))
  if (optional === true) return undefined
  throw new ConfigError(`configmap "${name}" not found`)
}

async function secretValues({ pod, objects }: EnvironmentInput, name: string, optional?: boolean) {
  const secret = await objects.secret(namespaceOf(pod), name)
  if (secret === undefined && optional === true) return undefined
  if (secret === undefined) throw new ConfigError(`secret "${name}" not found`)
  const decode = (base64: string) => Buffer.from(base64, 'base64').toString()
  return new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, decode(value)]))
}
