// Translates a pod's container template into what the runtime is asked for. Pure.

import type { Container as ContainerTemplate } from '../../api/generated/types.ts'
import { toBytes, toMilli } from '../../api/objects/quantity.ts'
import type { ContainerResources, ContainerSpec, Image, Mount, SecurityOptions } from '../runtime/runtime.ts'
import { ConfigError } from '../volumes/objects.ts'
import { expand } from './environment.ts'
import { qosClassOf, type StoredPod } from './pod.ts'
import { restartDelayAnnotation } from './restart.ts'

export interface ContainerInput {
  pod: StoredPod
  template: ContainerTemplate
  attempt: number
  restartDelayMs: number
  image: Image
  environment: ReadonlyMap<string, string>
  mounts: Mount[]
  /** Bytes of memory of the node: the measure of oomScoreAdj. */
  nodeMemoryBytes: number
}

/** Throws ConfigError when the security context forbids what the image asks for. */
export function makeContainerSpec(input: ContainerInput): ContainerSpec {
  const { pod, template, attempt, restartDelayMs, image, environment, mounts, nodeMemoryBytes } = input
  const expandAll = (words: string[] | undefined) => words?.map((word) => expand(word, (name) => environment.get(name)))
  const command = expandAll(template.command)
  const args = expandAll(template.args)
  return {
    name: template.name,
    attempt,
    imageId: image.id,
    image: template.image ?? '',
    ...(command && command.length > 0 && { command }),
    ...(args && args.length > 0 && { args }),
    env: [...environment].map(([name, value]) => ({ name, value })),
    ...(template.workingDir && { workingDir: template.workingDir }),
    mounts,
    tty: template.tty ?? false,
    stdin: template.stdin ?? false,
    stdinOnce: template.stdinOnce ?? false,
    resources: makeResources(pod, template, nodeMemoryBytes),
    security: makeSecurity(pod, template, image),
    labels: {},
    annotations: { [restartDelayAnnotation]: String(restartDelayMs) },
    logMaxSizeBytes: 10 * 1024 * 1024,
    logMaxFiles: 5,
  }
}

/** Requests of cpu become shares, limits become a quota per 100 ms. */
function makeResources(pod: StoredPod, { resources }: ContainerTemplate, nodeMemoryBytes: number): ContainerResources {
  const request = resources?.requests?.cpu ?? resources?.limits?.cpu
  const cpuLimit = resources?.limits?.cpu
  const memory = resources?.limits?.memory
  const quotaUs = cpuLimit === undefined ? 0 : toMilli(cpuLimit) * 100
  return {
    cpuShares: Math.min(Math.max(2, Math.floor((toMilli(request ?? '0') * 1024) / 1000)), 262_144),
    ...(quotaUs > 0 && { cpuQuotaUs: Math.max(quotaUs, 1000) }),
    ...(memory !== undefined && toBytes(memory) > 0 && { memoryLimitBytes: toBytes(memory) }),
    oomScoreAdj: oomScoreAdj(pod, resources?.requests?.memory ?? memory, nodeMemoryBytes),
  }
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior */
function oomScoreAdj(pod: StoredPod, memoryRequest: string | undefined, nodeMemoryBytes: number): number {
  const qos = qosClassOf(pod)
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  const score = 1000 - Math.floor((1000 * toBytes(memoryRequest ?? '0')) / nodeMemoryBytes)
  return Math.min(Math.max(score, 3), 999)
}

function makeSecurity({ spec }: StoredPod, template: ContainerTemplate, image: Image): SecurityOptions {
  const [own, shared] = [template.securityContext ?? {}, spec.securityContext ?? {}]
  const uid = own.runAsUser ?? shared.runAsUser
  const gid = own.runAsGroup ?? shared.runAsGroup
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) === true) validateNonRoot(uid, image)
  const imageUser = image.user.split(':')[0] || '0'
  const user = gid === undefined ? uid?.toString() : `${uid ?? imageUser}:${gid}`
  const groups = [
    ...new Set([...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])]),
  ]
  return {
    ...(own.privileged !== undefined && { privileged: own.privileged }),
    ...(user !== undefined && { user }),
    ...(groups.length > 0 && { supplementalGroups: groups }),
    ...(own.readOnlyRootFilesystem !== undefined && { readOnlyRootFilesystem: own.readOnlyRootFilesystem }),
    ...(own.capabilities?.add && { addCapabilities: own.capabilities.add }),
    ...(own.capabilities?.drop && { dropCapabilities: own.capabilities.drop }),
    ...(own.allowPrivilegeEscalation === false && { noNewPrivileges: true }),
  }
}

function validateNonRoot(uid: number | undefined, image: Image): void {
  if (uid === 0) throw new ConfigError("container's runAsUser breaks non-root policy")
  if (uid !== undefined) return
  const user = image.user.split(':')[0] ?? ''
  if (user === '' || user === '0' || user === 'root')
    throw new ConfigError('container has runAsNonRoot and image will run as root')
  if (!/^\d+$/.test(user))
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root`,
    )
}
