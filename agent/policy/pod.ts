// What policies ask of a pod: its labels, its addresses, the names of its ports. Pure.

import type { Pod } from '../../api/generated/types.ts'
import { canonicalAddress, isAddress } from '../../api/objects/addresses.ts'
import { type Stored, toKey } from '../../api/objects/object.ts'
import type { Protocol } from './policy.ts'

export interface PolicyPod {
  /** "namespace/name". */
  key: string
  namespace: string
  labels: Readonly<Record<string, string>>
  /** In canonical form, so that equal addresses are equal texts. */
  ips: string[]
  /** On this node: isolated here, not only known as somebody's peer. */
  local: boolean
  ports: NamedPort[]
}

export interface NamedPort {
  name: string
  protocol: Protocol
  port: number
}

/**
 * The pod as policies see it, or undefined when they do not: a pod on the node's own network cannot be told from the node,
 * and the address of one that has ended may be another's by now. One that is ending still speaks.
 */
export function toPolicyPod(
  pod: Stored<Pod>,
  nodeName: string,
  attachedIps: readonly string[] = [],
): PolicyPod | undefined {
  const { spec, status, metadata } = pod
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  if (spec.hostNetwork === true) return undefined
  const reported = hasEnded ? [] : reportedIps(status)
  // A sandbox that is here of a pod that is elsewhere is its predecessor's, of the same name.
  const isHere = spec.nodeName === nodeName
  const ips = isHere && attachedIps.length > 0 ? attachedIps : [...attachedIps, ...reported]
  if (ips.length === 0) return undefined
  return {
    key: toKey(pod),
    namespace: metadata.namespace ?? '',
    labels: metadata.labels ?? {},
    ips: [...new Set(ips.map(canonicalAddress))],
    local: isHere || attachedIps.length > 0,
    ports: namedPortsOf(pod),
  }
}

/** The pod cut down to what is read of it here: a node keeps every pod of the cluster. */
export function trimPod({ metadata, spec, status }: Stored<Pod>): Stored<Pod> {
  const { name, namespace, uid, resourceVersion, creationTimestamp, labels } = metadata
  const { hostNetwork, nodeName, containers, initContainers } = spec
  const { phase, podIP, podIPs } = status ?? {}
  return {
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp, ...(labels && { labels }) },
    spec: {
      hostNetwork,
      nodeName,
      containers: containers.map(({ name: container, ports }) => ({ name: container, ports })),
      initContainers: initContainers?.map(({ name: container, ports, restartPolicy }) => ({
        name: container,
        ports,
        restartPolicy,
      })),
    },
    status: { phase, podIP, podIPs },
  }
}

/** What another node's agent wrote and is no address must not keep this node's policies from being written. */
function reportedIps(status: Pod['status']): string[] {
  const { podIP = '', podIPs = [] } = status ?? {}
  return [podIP, ...podIPs.map(({ ip }) => ip ?? '')].filter(isAddress)
}

/** Containers that run beside the app: init containers that are sidecars have ports too. */
function namedPortsOf({ spec }: Stored<Pod>): NamedPort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  return [...spec.containers, ...sidecars]
    .flatMap(({ ports }) => ports ?? [])
    .flatMap(({ name = '', protocol, containerPort }) =>
      name === '' ? [] : [{ name, protocol: toProtocol(protocol), port: containerPort }],
    )
}

function toProtocol(protocol: string | undefined): Protocol {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
}
