// What `net capture` asks of an agent: where a packet can be seen on its node, and what is seen there.

import type { Place } from './state.ts'

/** GET /net/hops?pod=NAMESPACE/NAME: the node's own links, and those of these pods: an array of CaptureHop. */
export const hopsPath = '/net/hops'
/** POST /net/capture with a CaptureRequest; answers with a stream in the pcap format (nanoseconds) until it is done. */
export const capturePath = '/net/capture'

/** What a link is on a packet's way. port: the node's end of a pod's link. */
export type HopRole = 'pod' | 'port' | 'bridge' | 'tunnel' | 'uplink'

/** One link that packets can be seen on. */
export interface CaptureHop {
  place: Place
  device: string
  role: HopRole
  /** Of a port: the pod behind it, "namespace/name". */
  peer?: string
  /** Of a tunnel: the UDP port of its outer packets. */
  tunnelPort?: number
}

export interface CaptureRequest {
  /** The link is in this pod's namespace, "namespace/name"; absent: the node's own. */
  pod?: string
  device: string
  /** In the language of pcap-filter(7); "" for everything. The agent's own connections are left out in any case. */
  filter: string
  durationMs: number
  /** The stream ends when it has become this long. */
  maxBytes: number
  /** How much of each packet is kept. */
  snaplen: number
}

/** The most that an agent grants to one request. */
export const captureLimits = { durationMs: 600_000, maxBytes: 256 * 2 ** 20, snaplen: 262_144, filterLength: 4_000 }
