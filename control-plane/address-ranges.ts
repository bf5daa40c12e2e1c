import ipaddr from 'ipaddr.js'

/** The first address of a range that can be given out: the kubernetes Service has it. */
export function firstAddress(cidr: string): string {
  const [network] = ipaddr.parseCIDR(cidr)
  const bytes = network.toByteArray()
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) + 1
  return ipaddr.fromByteArray(bytes).toString()
}

/** Throws when the ranges share an address: what a packet is for could not be told. */
export function validateRanges(serviceCidr: string, clusterCidr: string): void {
  const [services, pods] = [ipaddr.parseCIDR(serviceCidr), ipaddr.parseCIDR(clusterCidr)]
  if (services[0].kind() !== pods[0].kind()) return
  const bits = Math.min(services[1], pods[1])
  if (services[0].match(pods[0], bits))
    throw new Error(`--service-cidr ${serviceCidr} and --cluster-cidr ${clusterCidr} overlap`)
}
