// Translates a pod into what the runtime is asked for to hold it, and the network to reach it. Pure.

import { isQuantity, toBytes } from '../../api/objects/quantity.ts'
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

/** Rates that annotations ask for, in bits a second. One that is no quantity is left out; the API server refuses nothing there. */
export function bandwidthOf({ metadata }: StoredPod): AttachRequest['bandwidth'] {
  const rateOf = (direction: string) => {
    const text = metadata.annotations?.[`kubernetes.io/${direction}-bandwidth`]
    const bits = text === undefined || !isQuantity(text) ? 0 : Number(toBytes(text))
    // Kubernetes' own limits: from 1 kbit/s to 1 Pbit/s.
    return bits >= 1e3 && bits <= 1e15 ? bits : undefined
  }
  const [ingressRate, egressRate] = [rateOf('ingress'), rateOf('egress')]
  return {
    ...(ingressRate !== undefined && { ingressRate, ingressBurst: burstOf(ingressRate) }),
    ...(egressRate !== undefined && { egressRate, egressBurst: burstOf(egressRate) }),
  }
}

/** What may pass at once: a tenth of a second's worth. */
function burstOf(rate: number): number {
  return Math.ceil(rate / 10)
}

function toProtocol(protocol: string): 'tcp' | 'udp' | 'sctp' {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
}
