import type { Container, ContainerPort, PodSpec } from '../../generated/types.ts'
import { whyNotAddress } from '../../objects/addresses.ts'
import { duplicate, forbiddenField, invalidIf, invalidValue, required } from '../../objects/field-errors.ts'
import { whyNotDnsLabel, whyNotPortName } from '../../objects/names.ts'
import type { FieldError } from '../../objects/status-error.ts'
import { mustBeOneOf, mustBePort, mustBeUnique } from '../rules.ts'
import { validateEnv } from './env.ts'
import { validateEphemeralContainers } from './ephemeral-containers.ts'
import { validateLifecycle, validateProbes } from './probes.ts'
import { validateResources } from './resources.ts'
import { validateContainerSecurity } from './security.ts'
import { validateMounts } from './volumes.ts'

/** Rules for init, app and ephemeral containers. */
export function validateContainers(spec: PodSpec, path: string): FieldError[] {
  const init = (spec.initContainers ?? []).map((container, index) => ({
    container,
    at: `${path}.initContainers[${index}]`,
  }))
  const app = (spec.containers ?? []).map((container, index) => ({ container, at: `${path}.containers[${index}]` }))
  const ephemeral = (spec.ephemeralContainers ?? []).map((container, index) => ({
    container,
    at: `${path}.ephemeralContainers[${index}]`,
  }))
  const all = [...init, ...app, ...ephemeral]
  const volumeNames = new Set((spec.volumes ?? []).map(({ name }) => name))
  return [
    ...(app.length === 0 ? [required(`${path}.containers`)] : []),
    ...mustBeUnique(
      all.map(({ container }) => container.name),
      (index) => `${all[index]?.at}.name`,
    ),
    ...all.flatMap(({ container, at }) => validateContainer(container, volumeNames, at)),
    ...init.flatMap(({ container, at }) => validateInit(container, at)),
    ...app.flatMap(({ container, at }) =>
      container.restartPolicy === undefined
        ? []
        : [forbiddenField(`${at}.restartPolicy`, 'may not be set for non-init containers')],
    ),
    ...validateEphemeralContainers(spec, path),
    ...validateHostPorts(app, spec.hostNetwork === true),
  ]
}

function validateContainer(container: Container, volumeNames: ReadonlySet<string>, path: string): FieldError[] {
  const { name, image, imagePullPolicy, terminationMessagePolicy } = container
  return [
    ...(name ? invalidIf(`${path}.name`, name, whyNotDnsLabel(name)) : [required(`${path}.name`)]),
    ...validateImage(image, `${path}.image`),
    ...mustBeOneOf(`${path}.imagePullPolicy`, imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...mustBeOneOf(`${path}.terminationMessagePolicy`, terminationMessagePolicy, ['FallbackToLogsOnError', 'File']),
    ...validatePorts(container.ports ?? [], `${path}.ports`),
    ...validateEnv(container, path),
    ...validateMounts(container, volumeNames, path),
    ...validateProbes(container, path),
    ...validateLifecycle(container.lifecycle, `${path}.lifecycle`),
    ...validateResources(container.resources, `${path}.resources`),
    ...validateContainerSecurity(container.securityContext, `${path}.securityContext`),
  ]
}

/** Rules for an image reference as far as it can be judged without the runtime. */
export function validateImage(image: string | undefined, field: string): FieldError[] {
  if (!image) return [required(field)]
  return image.trim() === image ? [] : [invalidValue(field, image, 'must not have leading or trailing whitespace')]
}

/** An init container runs to its end before the next; only one that stays (restartPolicy Always) has probes and hooks. */
function validateInit(container: Container, path: string): FieldError[] {
  const policy = mustBeOneOf(`${path}.restartPolicy`, container.restartPolicy, ['Always'])
  if (container.restartPolicy !== undefined) return policy
  const fields = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const
  return fields
    .filter((field) => container[field] !== undefined)
    .map((field) =>
      forbiddenField(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always'),
    )
}

function validatePorts(ports: readonly ContainerPort[], path: string): FieldError[] {
  return [
    ...mustBeUnique(
      ports.map(({ name }) => name),
      (index) => `${path}[${index}].name`,
    ),
    ...ports.flatMap(({ name, containerPort, hostIP, hostPort, protocol }, index) => {
      const at = `${path}[${index}]`
      return [
        ...(name ? invalidIf(`${at}.name`, name, whyNotPortName(name)) : []),
        ...(containerPort ? mustBePort(`${at}.containerPort`, containerPort) : [required(`${at}.containerPort`)]),
        ...(hostPort ? mustBePort(`${at}.hostPort`, hostPort) : []),
        ...(hostIP ? invalidIf(`${at}.hostIP`, hostIP, whyNotAddress(hostIP)) : []),
        ...mustBeOneOf(`${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']),
      ]
    }),
  ]
}

function validateHostPorts(
  containers: readonly { container: Container; at: string }[],
  hostNetwork: boolean,
): FieldError[] {
  const seen = new Set<string>()
  const ports = containers.flatMap(({ container, at }) =>
    (container.ports ?? []).map((port, index) => ({ port, field: `${at}.ports[${index}]` })),
  )
  return ports.flatMap(({ port: { hostPort, containerPort, hostIP, protocol }, field }) => {
    if (!hostPort) return []
    const key = `${protocol}/${hostIP ?? ''}/${hostPort}`
    const isTwice = seen.has(key)
    seen.add(key)
    if (hostNetwork && hostPort !== containerPort) {
      return [invalidValue(`${field}.hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true')]
    }
    return isTwice ? [duplicate(`${field}.hostPort`, key)] : []
  })
}
