// Translates a pod into what the runtime is asked for to hold it, and the network to reach it. Pure.

import type { AttachRequest } from '../network/pod-network.ts'
import type { SandboxSpec } from '../runtime/runtime.ts'
import { hostnameOf } from './network-files.ts'
import { identityOf, type StoredPod } from './pod.ts'

/** hostname is the node's for pods on the host's network. */
export function makeSandboxSpec(pod: StoredPod, attempt: number, cgroupParent: string, nodeName: string): SandboxSpec {
  const { spec, metadata } = pod
  const sysctls = spec.securityContext?.sysctls ?? []
  return {
    pod: identityOf(pod),
    attempt,
    hostname: spec.hostNetwork === true ? nodeName : hostnameOf(pod),
    network: spec.hostNetwork === true ? 'node' : 'pod',
    hostPid: spec.hostPID === true,
    hostIpc: spec.hostIPC === true,
    sharePid: spec.shareProcessNamespace === true,
    cgroupParent,
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])),
    annotations: {},
    labels: metadata.labels ?? {},
  }
}

/** Ports of the node that lead into the pod. */
export function portMappingsOf({ spec }: StoredPod): AttachRequest['portMappings'] {
  const ports = [...spec.containers, ...(spec.initContainers ?? [])].flatMap((container) => container.ports ?? [])
  return ports.flatMap(({ hostPort, containerPort, protocol = 'TCP', hostIP }) =>
    hostPort === undefined || hostPort === 0
      ? []
      : [{ hostPort, containerPort, protocol: toProtocol(protocol), ...(hostIP && { hostIp: hostIP }) }],
  )
}

function toProtocol(protocol: string): 'tcp' | 'udp' | 'sctp' {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
}
