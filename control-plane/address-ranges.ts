import { rangesOverlap } from '../api/objects/addresses.ts'
import { ServiceRange } from './api-server/service-range.ts'

/**
 * Throws, with the flag and what to do, when a range cannot be one of Services, and when it shares an address with one of pods: what a
 * packet is for could not be told.
 */
export function validateRanges(serviceCidrs: readonly string[], clusterCidrs: readonly string[]): void {
  for (const serviceCidr of serviceCidrs) {
    validateSize(serviceCidr)
    for (const clusterCidr of clusterCidrs) {
      if (rangesOverlap(serviceCidr, clusterCidr))
        throw new Error(
          `--service-cidr ${serviceCidr} and --cluster-cidr ${clusterCidr} overlap: give Services and pods ranges of their own`,
        )
    }
  }
}

function validateSize(serviceCidr: string): void {
  try {
    new ServiceRange(serviceCidr)
  } catch (cause) {
    throw new Error(`--service-cidr: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}
