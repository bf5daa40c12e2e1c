import ipaddr from 'ipaddr.js'
import { rangesOverlap } from '../api/objects/addresses.ts'

/** The first address of a range that can be given out: the kubernetes Service has it. */
export function firstAddress(cidr: string): string {
  return addressAt(cidr, 1)
}

/** The address of a range that is so many after its network's own, at most 255. */
export function addressAt(cidr: string, index: number): string {
  const [network] = ipaddr.parseCIDR(cidr)
  const bytes = network.toByteArray()
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) + index
  return ipaddr.fromByteArray(bytes).toString()
}

/** Throws when a range of Services and one of pods share an address: what a packet is for could not be told. */
export function validateRanges(serviceCidrs: readonly string[], clusterCidrs: readonly string[]): void {
  for (const serviceCidr of serviceCidrs) {
    for (const clusterCidr of clusterCidrs) {
      if (rangesOverlap(serviceCidr, clusterCidr))
        throw new Error(`--service-cidr ${serviceCidr} and --cluster-cidr ${clusterCidr} overlap`)
    }
  }
}
