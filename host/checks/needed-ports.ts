// Ports that others must reach on a host of this kind.

import { vxlanPort } from '../../agent/network/vtep.ts'
import { wireguardPort } from '../../agent/network/wireguard.ts'
import type { HostWish } from './check.ts'

export interface NeededPort {
  port: number
  protocol: 'tcp' | 'udp'
  what: string
  /** The kernel's own: no program listens. */
  isKernels?: boolean
}

/** Ports of what the host is to become. */
export function neededPorts({ isServer, isNode, port, network, proxyMode }: HostWish): NeededPort[] {
  const server: NeededPort[] = isServer ? [{ port, protocol: 'tcp', what: 'API server' }] : []
  if (!isNode) return server
  const health: NeededPort[] =
    proxyMode === 'none' ? [] : [{ port: 10256, protocol: 'tcp', what: 'health of the proxy' }]
  return [...server, { port: 10250, protocol: 'tcp', what: 'agent' }, ...health, ...tunnelPorts[network]]
}

const tunnelPorts: Record<HostWish['network'], NeededPort[]> = {
  'host-gw': [],
  vxlan: [{ port: vxlanPort, protocol: 'udp', what: 'VXLAN tunnels', isKernels: true }],
  wireguard: [{ port: wireguardPort, protocol: 'udp', what: 'WireGuard tunnels', isKernels: true }],
}

/** As firewalls write it, "10250/tcp". */
export const formatPort = ({ port, protocol }: NeededPort) => `${port}/${protocol}`
