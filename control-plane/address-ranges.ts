import { rangesOverlap } from '../api/objects/addresses.ts'

/** Throws when a range of Services and one of pods share an address: what a packet is for could not be told. */
export function validateRanges(serviceCidrs: readonly string[], clusterCidrs: readonly string[]): void {
  for (const serviceCidr of serviceCidrs) {
    for (const clusterCidr of clusterCidrs) {
      if (rangesOverlap(serviceCidr, clusterCidr))
        throw new Error(
          `--service-cidr ${serviceCidr} and --cluster-cidr ${clusterCidr} overlap: give Services and pods ranges of their own`,
        )
    }
  }
}
