// Names of chains, as kube-proxy makes them: a prefix that says what the chain is, and 16 characters of a hash that says
// whose. iptables allows 28 characters. The scheme: kubernetes pkg/proxy/iptables/proxier.go, portProtoHash.

import { createHash } from 'node:crypto'
import type { Endpoint, ServicePort } from '../table.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Chains of one Service port. */
export interface ChainNames {
  /** Leads to the endpoints of the policy Cluster. */
  cluster: string
  /** Leads to this node's endpoints alone. */
  local: string
  /** Takes traffic from outside. */
  external: string
  /** Takes traffic to load balancers from the Service's source ranges. */
  firewall: string
}

export function chainNames({ id, protocol }: ServicePort): ChainNames {
  const hash = hashOf(id + protocol)
  return {
    cluster: `KUBE-SVC-${hash}`,
    local: `KUBE-SVL-${hash}`,
    external: `KUBE-EXT-${hash}`,
    firewall: `KUBE-FW-${hash}`,
  }
}

/** The chain that sends to one endpoint of one Service port. */
export function endpointChain({ id, protocol }: ServicePort, { ip, port }: Endpoint): string {
  return `KUBE-SEP-${hashOf(`${id}${protocol}${ip}:${port}`)}`
}

/** Whether a chain belongs to some Service, now or in an earlier life. */
export function isServiceChain(chain: string): boolean {
  return /^KUBE-(SVC|SVL|EXT|FW|SEP)-[A-Z2-7]{16}$/.test(chain)
}

/** The first 16 characters of the text's SHA-256 in base 32 (RFC 4648). */
function hashOf(text: string): string {
  const bits = [...createHash('sha256').update(text).digest().subarray(0, 10)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
  return (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join('')
}
