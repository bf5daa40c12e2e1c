// What the agent needs of the pod network: a sandbox is attached, detached, checked. CniNetwork (cni-network.ts) runs the
// node's CNI chain for it and keeps a record of each attachment on disk, so that a later life can detach it exactly.

import type { PodIdentity } from '../runtime/runtime.ts'

/** A sandbox to be wired. */
export interface AttachRequest {
  /** Becomes CNI_CONTAINERID. */
  sandboxId: string
  pod: PodIdentity
  /** Path of the network namespace, such as /proc/123/ns/net. */
  netns: string
  /** Host ports, for plugins with the portMappings capability. */
  portMappings: { hostPort: number; containerPort: number; protocol: 'tcp' | 'udp' | 'sctp'; hostIp?: string }[]
  /** Rates in bits a second, bursts in bits, for plugins with the bandwidth capability. */
  bandwidth?: { ingressRate?: number; ingressBurst?: number; egressRate?: number; egressBurst?: number }
}

export interface PodNetwork {
  /** Absent when the network can take pods; else why not: it becomes the node's Ready condition. */
  notReadyReason(): string | undefined
  /** Runs ADD; asked again for an attached sandbox it returns the same addresses. Undoes itself when it fails. */
  attach(request: AttachRequest): Promise<{ ips: string[] }>
  /** Runs DEL; succeeds when there is nothing to detach, also when the namespace is gone. */
  detach(sandboxId: string): Promise<void>
  /** Throws when the kernel no longer holds what ADD made. */
  check(sandboxId: string): Promise<void>
  /** Puts back what others took from the node's kernel, and removes what no sandbox has; a few programs, however many pods. */
  mend(): Promise<void>
  /** Addresses of attached sandboxes and whose they are, by sandbox id. */
  attachments(): Promise<Map<string, { pod: PodIdentity; ips: string[] }>>
  /** Detaches and releases everything that belongs to none of these sandboxes. */
  collectGarbage(liveSandboxIds: ReadonlySet<string>): Promise<void>
}
