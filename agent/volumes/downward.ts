// The downward API: fields of the pod and amounts of its containers as text.
// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/

import type { Pod, ResourceFieldSelector } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { parseQuantity } from '../../api/objects/quantity.ts'
import { ConfigError } from './objects.ts'

/** What the pod object itself does not say, or says too late. */
export interface DownwardFacts {
  podIps: readonly string[]
  /** The node's, one a family. */
  hostIps: readonly string[]
  /** Stands in for limits that are not set. */
  allocatable: Record<string, string>
}

/** The text of a fieldRef. Throws ConfigError for a path that the downward API does not have. */
export function readField(pod: Stored<Pod>, path: string, { podIps, hostIps }: DownwardFacts): string {
  const { metadata, spec } = pod
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (subscript !== null)
    return metadata[subscript[1] === 'labels' ? 'labels' : 'annotations']?.[subscript[2] ?? ''] ?? ''
  const fields: Record<string, () => string> = {
    'metadata.name': () => metadata.name,
    'metadata.namespace': () => metadata.namespace ?? '',
    'metadata.uid': () => metadata.uid,
    'metadata.labels': () => formatMap(metadata.labels),
    'metadata.annotations': () => formatMap(metadata.annotations),
    'spec.nodeName': () => spec.nodeName ?? '',
    'spec.serviceAccountName': () => spec.serviceAccountName ?? '',
    'status.hostIP': () => hostIps[0] ?? '',
    'status.hostIPs': () => hostIps.join(','),
    'status.podIP': () => podIps[0] ?? '',
    'status.podIPs': () => podIps.join(','),
  }
  const read = fields[path]
  if (read === undefined) throw new ConfigError(`unsupported fieldPath: ${path}`)
  return read()
}

/** True when the text is known only once the pod has its network. */
export function needsPodIp(path: string): boolean {
  return path.startsWith('status.podIP')
}

/** Lines of key="value", sorted, with Go's quoting of the value. */
function formatMap(map: Record<string, string> = {}): string {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')
}

/** The amount of a resourceFieldRef in units of its divisor, rounded up. */
export function readResource(
  pod: Stored<Pod>,
  { containerName, resource, divisor = '1' }: ResourceFieldSelector,
  ownName: string | undefined,
  { allocatable }: DownwardFacts,
): string {
  const name = containerName ?? ownName
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
  const container = containers.find((candidate) => candidate.name === name)
  if (container === undefined) throw new ConfigError(`container ${name ?? ''} not found`)
  const [kind = '', ...rest] = resource.split('.')
  const key = rest.join('.')
  if (!['limits', 'requests'].includes(kind) || key === '')
    throw new ConfigError(`unsupported container resource: ${resource}`)
  const own = container.resources?.[kind === 'limits' ? 'limits' : 'requests']?.[key]
  const amount = own ?? (kind === 'limits' ? (allocatable[key] ?? '0') : '0')
  return divide(amount, divisor === '0' || divisor === '' ? '1' : divisor)
}

function divide(amount: string, divisor: string): string {
  const [dividend, unit] = [parseQuantity(amount).nanos, parseQuantity(divisor).nanos]
  return String((dividend + unit - 1n) / unit)
}
