// Who answers, and to whom: what every protocol's answer holds.

import { hostname } from 'node:os'

/** Where the server runs, from the environment that a pod's manifest fills by the downward API. */
export interface Place {
  pod: string
  namespace: string
  node: string
  /** TEXT, to tell versions apart. */
  text: string
}

export interface Facts extends Place {
  protocol: 'http' | 'tcp' | 'udp'
  /** "address:port" that the server saw; an IPv6 address is in brackets. */
  client: string
  /** "address:port" that was spoken to. */
  server: string
}

export const readPlace = (env: NodeJS.ProcessEnv): Place => ({
  pod: env.POD_NAME ?? hostname(),
  namespace: env.POD_NAMESPACE ?? '',
  node: env.NODE_NAME ?? '',
  text: env.TEXT ?? '',
})

/** "address:port"; IPv4 addresses seen through an IPv6 socket are written as IPv4. */
export function formatEndpoint(address = '', port = 0): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`
}
