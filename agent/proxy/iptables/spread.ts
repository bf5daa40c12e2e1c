// The kernel chooses an endpoint for each connection, and translates the connection's destination.

import type { Endpoint, ServicePort } from '../table.ts'
import { endpointChain } from './names.ts'
import type { Sending, Way } from './way.ts'
import { comment, markMasquerade, toHostRange, toSocket, words } from './words.ts'

/** The way of the mode iptables. */
export function kernelWay(ranges: Pick<Way, 'clusterCidr' | 'serviceCidr'>): Way {
  return { ...ranges, masquerades: true, send: (port, _, endpoints) => planSpread(port, endpoints) }
}

/** Jumps that spread connections evenly; with affinity, known clients are sent where they were first. */
function planSpread(port: ServicePort, endpoints: readonly Endpoint[]): Sending {
  const remembered = port.affinitySeconds === undefined ? [] : endpoints.map((endpoint) => planReturn(port, endpoint))
  const chosen = endpoints.map((endpoint, index) => {
    const left = endpoints.length - index
    const chance = left === 1 ? '' : ` -m statistic --mode random --probability ${toProbability(1 / left)}`
    return `${toComment(port, endpoint)}${chance} -j ${endpointChain(port, endpoint)}`
  })
  const chains = endpoints.map((endpoint): [string, string[]] => [
    endpointChain(port, endpoint),
    planEndpoint(port, endpoint),
  ])
  return { rules: [...remembered, ...chosen], chains }
}

function planReturn(port: ServicePort, endpoint: Endpoint): string {
  const chain = endpointChain(port, endpoint)
  return `${toComment(port, endpoint)} -m recent --rcheck --seconds ${port.affinitySeconds} --reap ${toMemory(port, chain)} -j ${chain}`
}

function planEndpoint(port: ServicePort, endpoint: Endpoint): string[] {
  const remember =
    port.affinitySeconds === undefined ? '' : ` -m recent --set ${toMemory(port, endpointChain(port, endpoint))}`
  return [
    // A pod that reaches itself through the Service would drop a reply from its own address.
    `-s ${toHostRange(endpoint.ip)} ${comment(port.id)} ${markMasquerade}`,
    `-p ${port.protocol} ${comment(port.id)}${remember} -j DNAT --to-destination ${toSocket(endpoint)}`,
  ]
}

const toMemory = ({ family }: ServicePort, chain: string) => `--name ${chain} --mask ${words[family].mask} --rsource`
const toComment = (port: ServicePort, endpoint: Endpoint) => comment(`${port.id} -> ${toSocket(endpoint)}`)

/**
 * The kernel keeps probabilities as 31-bit fractions, and iptables-save prints what it kept in 11 digits: of 1/4096 exactly half
 * a digit is left, which C rounds to even and toFixed rounds up.
 */
function toProbability(chance: number): string {
  const digits = BigInt(Math.round(chance * 2 ** 31)) * 5n ** 11n
  const [whole, rest, half] = [digits >> 20n, digits & 0xfffffn, 1n << 19n]
  const isUp = rest > half || (rest === half && whole % 2n === 1n)
  return `0.${(isUp ? whole + 1n : whole).toString().padStart(11, '0')}`
}
