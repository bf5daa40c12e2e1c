// Names and labels of containers: all that a later life of the agent needs to find its pods again. The names and the
// io.kubernetes labels are those of Kubernetes' own Docker runtimes, which other tools read too.

import type { PodIdentity } from '../runtime/runtime.ts'

const podNameLabel = 'io.kubernetes.pod.name'
const podNamespaceLabel = 'io.kubernetes.pod.namespace'
export const podUidLabel = 'io.kubernetes.pod.uid'
export const containerNameLabel = 'io.kubernetes.container.name'
const typeLabel = 'io.kubernetes.docker.type'
export const sandboxIdLabel = 'io.kubernetes.sandbox.id'
const attemptLabel = 'io.fairlead.attempt'
/** All containers of pods have it, and no others. */
export const ownLabel = attemptLabel
const annotationsLabel = 'io.fairlead.annotations'
/** The image as the pod names it. */
export const imageLabel = 'io.fairlead.image-name'
/** A sandbox's namespaces: "pod" or "node" network. */
export const networkLabel = 'io.fairlead.network'
/** What containers of a sandbox share: "private", "pod" or "node" process ids. */
export const pidLabel = 'io.fairlead.pid'
/** "pod" or "node". */
export const ipcLabel = 'io.fairlead.ipc'

export type ContainerType = 'podsandbox' | 'container'
export type Labels = Record<string, string>

/** Labels of the pod itself come first, so that none can pose as one of ours. */
export function makeLabels(
  type: ContainerType,
  pod: PodIdentity,
  { attempt, labels, annotations }: { attempt: number; labels: Labels; annotations: Labels },
): Labels {
  return {
    ...labels,
    [typeLabel]: type,
    [podNameLabel]: pod.name,
    [podNamespaceLabel]: pod.namespace,
    [podUidLabel]: pod.uid,
    [attemptLabel]: String(attempt),
    [annotationsLabel]: JSON.stringify(annotations),
  }
}

/** Whose container it is. */
export const podOf = (labels: Labels): PodIdentity => ({
  name: labels[podNameLabel] ?? '',
  namespace: labels[podNamespaceLabel] ?? '',
  uid: labels[podUidLabel] ?? '',
})

export const attemptOf = (labels: Labels): number => Number(labels[attemptLabel] ?? 0)

/** What the caller wrote at creation. */
export function annotationsOf(labels: Labels): Labels {
  return JSON.parse(labels[annotationsLabel] ?? '{}')
}

/** The filter of list and event calls. */
export function makeLabelFilter(type?: ContainerType, podUid?: string): { label: string[] } {
  const ofType = type === undefined ? typeLabel : `${typeLabel}=${type}`
  return { label: [ofType, ...(podUid === undefined ? [] : [`${podUidLabel}=${podUid}`])] }
}

/** Unique on the node; creating the same thing twice meets the name of the first. */
export const makeName = (container: string, { name, namespace, uid }: PodIdentity, attempt: number): string =>
  `k8s_${container}_${name}_${namespace}_${uid}_${attempt}`
