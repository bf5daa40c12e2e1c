// What flags of several programs take, checked the same by each: a value that one writes into another's command line is refused
// before anything is done with it. Each throws commander's InvalidArgumentError.

import { InvalidArgumentError } from 'commander'
import ipaddr from 'ipaddr.js'
import { parseAddressRange } from '../net/address-range.ts'
import { canonicalAddress, canonicalRange } from '../objects/addresses.ts'
import { whyNotDnsSubdomain } from '../objects/names.ts'

/** Both ends belong to it. */
export interface PortRange {
  from: number
  to: number
}

/** A port number. */
export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Expected a port number, 1 to 65535.')
  return port
}

/** A range of ports: 30000-32767. */
export function parsePortRange(text: string): PortRange {
  const match = /^(\d+)-(\d+)$/.exec(text)
  const [from, to] = [Number(match?.[1]), Number(match?.[2])]
  if (match === null || from < 1 || to > 65_535 || from > to)
    throw new InvalidArgumentError('Expected a range of ports, such as 30000-32767.')
  return { from, to }
}

/** A name in DNS: cluster.local. */
export function parseDomain(text: string): string {
  const why = whyNotDnsSubdomain(text)
  if (why !== undefined) throw new InvalidArgumentError(`Expected a domain such as cluster.local: ${why}.`)
  return text
}

/** One more name in DNS, for a flag that may be given several times. */
export function addDomain(text: string, before: readonly string[] = []): string[] {
  return [...before, parseDomain(text)]
}

/** One address, in its canonical form. */
export function parseAddress(text: string): string {
  if (!ipaddr.isValid(text)) throw new InvalidArgumentError('Expected an IP address.')
  return canonicalAddress(text)
}

/** One address that is not loopback. */
export function parseReachable(text: string): string {
  const address = parseAddress(text)
  if (ipaddr.parse(address).range() !== 'loopback') return address
  throw new InvalidArgumentError('It is a loopback address: nodes and pods could not reach it.')
}

/** Ranges with a comma between, one a family at most. */
export function parseCidrs(text: string): string[] {
  const cidrs = parseList(text).map(parseCidr)
  const families = cidrs.map((cidr) => ipaddr.parseCIDR(cidr)[0].kind())
  if (cidrs.length === 0) throw new InvalidArgumentError('Expected a range such as 10.96.0.0/16.')
  if (new Set(families).size < families.length)
    throw new InvalidArgumentError('Expected at most one IPv4 and one IPv6 range.')
  return cidrs
}

function parseCidr(text: string): string {
  if (!ipaddr.isValidCIDR(text)) throw new InvalidArgumentError('Expected a range such as 10.96.0.0/16.')
  const [address, bits] = ipaddr.parseCIDR(text)
  const range = canonicalRange(text)
  if (range !== `${address}/${bits}`)
    throw new InvalidArgumentError(`It has bits beyond its prefix; did you mean ${range}?`)
  return range
}

/** Addresses for load balancers, with a comma between: 192.0.2.200-192.0.2.220, 2001:db8::100/120, or one alone. */
export function parsePool(text: string): string[] {
  const ranges = parseList(text).map((range) => range.replaceAll(' ', ''))
  for (const range of ranges) {
    try {
      parseAddressRange(range)
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error))
    }
  }
  return ranges
}

function parseList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
