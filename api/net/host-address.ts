// Which address of a host others reach it by, when nobody has said so. Pure; own-address.ts has the facts.

import { familyOf } from '../objects/addresses.ts'

/** An address of a link that is up; none of loopback, none that only its own link knows. */
export interface LinkAddress {
  dev: string
  address: string
  /** Bits of its network. */
  prefix: number
}

/** What a host has to choose from. */
export interface HostLinks {
  addresses: readonly LinkAddress[]
  /** Links of the default routes, the preferred one first. */
  defaultDevs: readonly string[]
}

/** An address that was chosen. */
export interface HostAddress extends LinkAddress {
  isOfDefaultRoute: boolean
}

/**
 * The IPv4 address, else the IPv6 address, of the link of the default route, else of any link that is not there for containers.
 * An address without a network is the last choice: those of load balancers are on the same link.
 */
export function chooseAddress({ addresses, defaultDevs }: HostLinks): HostAddress | undefined {
  const ofDefault = defaultDevs.map((dev) => pick(addresses.filter((each) => each.dev === dev))).find(Boolean)
  if (ofDefault !== undefined) return { ...ofDefault, isOfDefaultRoute: true }
  const other = pick(addresses.filter(({ dev }) => !isForContainers(dev)))
  return other && { ...other, isOfDefaultRoute: false }
}

/**
 * The address of a host that was reached by `known` and is now reached by another; undefined while it is not. A link that has lost its
 * addresses, or those of IPv4, is waited for: another link takes its place only with a default route.
 */
export function movedAddress(known: HostAddress, { addresses, defaultDevs }: HostLinks): HostAddress | undefined {
  const isLikely = ({ dev, address }: LinkAddress) =>
    (dev === known.dev || defaultDevs.includes(dev)) && (isIpv4(address) || !isIpv4(known.address))
  const now = chooseAddress({ addresses: addresses.filter(isLikely), defaultDevs })
  if (now === undefined || now.address === known.address) return undefined
  // At boot, links, families and routes come one by one: what was chosen then may have been the second choice.
  const isOfDefaultRoute = known.isOfDefaultRoute || defaultDevs.includes(known.dev)
  const isBetter = (now.isOfDefaultRoute && !isOfDefaultRoute) || (isIpv4(now.address) && !isIpv4(known.address))
  const isHere = addresses.some(({ address }) => address === known.address)
  // A load balancer's is left on the link when its own one goes.
  const isOwn = !isSingle(now) || isSingle(known)
  return isOwn && (isBetter || !isHere) ? now : undefined
}

/** Links of the default routes, by metric, in the texts of /proc/net/route and /proc/net/ipv6_route (proc_net(5); IPv4 first). */
export function parseDefaultDevs(route: string, route6: string): string[] {
  const four = route.split('\n').map((line): Route => {
    const [dev = '', range, , flags = '', , , metric = '', mask] = line.trim().split(/\s+/)
    return { dev, isDefault: range === noAddress && mask === noAddress, flags: parse(flags), metric: Number(metric) }
  })
  const six = route6.split('\n').map((line): Route => {
    const [range, bits, , , , metric = '', , , flags = '', dev = ''] = line.trim().split(/\s+/)
    return {
      dev,
      isDefault: range === noAddress.repeat(4) && bits === '00',
      flags: parse(flags),
      metric: parse(metric),
    }
  })
  return [...new Set([...devsOf(four), ...devsOf(six)])]
}

/** IPv6 addresses, in the text of /proc/net/if_inet6, that are there for a while only: of privacy extensions (RFC 8981), or deprecated. */
export function parsePassing(inet6: string): string[] {
  return inet6.split('\n').flatMap((line) => {
    const [digits = '', , , , flags = ''] = line.trim().split(/\s+/)
    return (parse(flags) & passing) === 0 ? [] : [(digits.match(/.{4}/g) ?? []).join(':')]
  })
}

interface Route {
  dev: string
  isDefault: boolean
  flags: number
  metric: number
}

const noAddress = '00000000'
/** RTF_REJECT of linux/route.h. */
const reject = 0x200
/** IFA_F_TEMPORARY and IFA_F_DEPRECATED of linux/if_addr.h. */
const passing = 0x01 | 0x20

const parse = (hex: string) => Number.parseInt(hex, 16)

function devsOf(routes: readonly Route[]): string[] {
  const usable = routes.filter(({ isDefault, flags, dev }) => isDefault && (flags & reject) === 0 && dev !== 'lo')
  return usable.toSorted((a, b) => a.metric - b.metric).map(({ dev }) => dev)
}

function pick(addresses: readonly LinkAddress[]): LinkAddress | undefined {
  const rank = (each: LinkAddress) => (isIpv4(each.address) ? 0 : 1) + (isSingle(each) ? 2 : 0)
  return addresses.toSorted((a, b) => rank(a) - rank(b))[0]
}

const isIpv4 = (address: string) => familyOf(address) === 'ipv4'

const isSingle = ({ address, prefix }: LinkAddress) => prefix === (isIpv4(address) ? 32 : 128)

/** Links of networks of containers on this very host, ours among them, and of Services. */
const isForContainers = (dev: string) => /^(docker|br-|virbr|veth|cni|lxc|cbr|kube-|fairlead)/.test(dev)
