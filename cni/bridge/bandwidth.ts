// Rates of a pod by token buckets (tc-tbf), one at each end of its cable: what the pod gets is held back at the host's end,
// what it sends at its own, as a qdisc shapes only what leaves a device and this needs no other kernel part (ifb, police).
// A pod with NET_ADMIN could take its own end's off.

import { tcBatch } from '../linux/tc.ts'
import { invalidConfig } from '../spec.ts'

/** Words of the capability "bandwidth" of the CNI conventions: bits a second, and bits that may pass at once. */
export interface Bandwidth {
  ingressRate?: number
  ingressBurst?: number
  egressRate?: number
  egressBurst?: number
}

/** How long a packet may wait for its turn before it is dropped. */
const latency = '50ms'
/** A full packet of 64 KB as it comes from the pod before it is cut, so that none is too big to ever pass. */
const leastBurstBytes = 65_536

/** Reads runtimeConfig.bandwidth. Throws a CniError. */
export function parseBandwidth(value: unknown): Bandwidth {
  if (typeof value !== 'object' || value === null)
    throw invalidConfig('runtimeConfig.bandwidth', value, 'must be an object')
  const bandwidth: Record<string, unknown> = { ...value }
  for (const name of ['ingressRate', 'ingressBurst', 'egressRate', 'egressBurst']) {
    const number = bandwidth[name]
    if (number !== undefined && !(typeof number === 'number' && number >= 0))
      throw invalidConfig(`runtimeConfig.bandwidth.${name}`, number, 'must be bits a second, 0 or more')
  }
  return value
}

/** Holds both directions at their rates; a direction without one stays free. */
export async function limitRates(
  { ingressRate, ingressBurst, egressRate, egressBurst }: Bandwidth,
  ends: { hostLink: string; netns: string; ifname: string },
): Promise<void> {
  await tcBatch(bucket(ends.hostLink, ingressRate, ingressBurst))
  await tcBatch(bucket(ends.ifname, egressRate, egressBurst), { netns: ends.netns })
}

function bucket(device: string, rate = 0, burst = 0): string[] {
  if (rate === 0) return []
  // The kernel counts bursts in 32 bits, and in bytes.
  const bytes = Math.min(Math.max(Math.floor(burst / 8), leastBurstBytes), 2 ** 31 - 1)
  return [`qdisc replace dev ${device} root tbf rate ${Math.floor(rate)}bit burst ${bytes} latency ${latency}`]
}
