// Firewalls that are on: what they must let through, and the commands that make them.

import { isInRange } from '../../api/objects/addresses.ts'
import { type Check, type CheckResult, type HostWish, ok, warning } from './check.ts'
import type { FirewalldFacts, FirewalldZone, HostFacts, UfwFacts } from './facts.ts'
import { formatPort, type NeededPort, neededPorts } from './needed-ports.ts'

/** Whether each firewall lets the ports in, and pods through. */
export const checkFirewalls: Check = ({ firewalls, addresses }, wish) => {
  const results = firewalls.map((firewall) =>
    firewall.name === 'ufw' ? checkUfw(firewall, wish) : checkFirewalld(firewall, addresses, wish),
  )
  return results.length > 0 ? results : [ok('firewall', 'neither ufw nor firewalld is on')]
}

/** What is kept out, and the command that lets it in. */
interface Lack {
  what: string
  command: string
}

function toResult(name: string, lacks: readonly Lack[], afterwards: readonly string[] = []): CheckResult {
  if (lacks.length === 0) return ok(`firewall: ${name}`, 'on, and lets everything needed through')
  const mend = [...lacks.map(({ command }) => command), ...afterwards].join('; ')
  return warning(`firewall: ${name}`, `on, and keeps ${lacks.map(({ what }) => what).join(', ')} out`, mend)
}

const describePort = (needed: NeededPort) => `${needed.what} (${formatPort(needed)})`
const podRanges = ({ isNode, clusterCidrs }: HostWish) => (isNode ? clusterCidrs : [])

/** Its listing has lines such as "10250/tcp ALLOW IN Anywhere". */
function checkUfw({ allowed }: UfwFacts, wish: HostWish): CheckResult {
  const isAllowed = (line: RegExp) => allowed.some((each) => line.test(each))
  const ports = neededPorts(wish)
    .filter(({ port, protocol }) => !isAllowed(new RegExp(`^${port}(/${protocol})?\\s.*ALLOW`)))
    .map((each) => ({ what: describePort(each), command: `ufw allow ${formatPort(each)}` }))
  const pods = podRanges(wish)
    .filter((range) => !isAllowed(new RegExp(`ALLOW (IN )?\\s*${RegExp.escape(range)}`)))
    .map((range) => ({ what: `pods (${range}) on their way to this host`, command: `ufw allow from ${range}` }))
  return toResult('ufw', [...ports, ...pods])
}

/** Ports are a matter of the zones that the host is reached through; each has to let all of them in. */
function checkFirewalld({ zones }: FirewalldFacts, addresses: HostFacts['addresses'], wish: HostWish): CheckResult {
  const ports = zonesOfHost(zones, addresses, wish).flatMap((zone) =>
    neededPorts(wish)
      .filter((needed) => !letsIn(zone, needed))
      .map((needed) => ({
        what: `${describePort(needed)} in its zone ${zone.name}`,
        command: `firewall-cmd --permanent --zone=${zone.name} --add-port=${formatPort(needed)}`,
      })),
  )
  // Its rules are beside ours, and a packet must pass both: in its zone "trusted" it lets forwarded packets pass too.
  const pods = podRanges(wish)
    .filter((range) => !zones.some(({ sources }) => sources.includes(range)))
    .map((range) => ({
      what: `pods (${range})`,
      command: `firewall-cmd --permanent --zone=trusted --add-source=${range}`,
    }))
  // What is only permanent counts from then on.
  return toResult('firewalld', [...ports, ...pods], ['firewall-cmd --reload'])
}

/** Zones of the links that have the host's addresses; of a host without a known one the default zone. */
function zonesOfHost(
  zones: readonly FirewalldZone[],
  addresses: HostFacts['addresses'],
  wish: HostWish,
): FirewalldZone[] {
  const own = addresses.filter(({ address }) => wish.addresses.includes(address))
  const found = own.map((address) => zoneOf(zones, address))
  return [...new Set(found.length > 0 ? found : [defaultOf(zones)])].filter((zone) => zone !== undefined)
}

/** A zone of sources comes before that of the link: where all who are on the link's network are its sources, it decides. */
function zoneOf(
  zones: readonly FirewalldZone[],
  { dev, address, prefix }: HostFacts['addresses'][number],
): FirewalldZone | undefined {
  const isNetworkIn = (source: string) => Number(source.split('/')[1]) <= prefix && isInRange(address, source)
  return (
    zones.find(({ sources }) => sources.some(isNetworkIn)) ??
    zones.find(({ links }) => links.some((link) => isLink(dev, link))) ??
    defaultOf(zones)
  )
}

const defaultOf = (zones: readonly FirewalldZone[]) => zones.find(({ isDefault }) => isDefault)

/** "eth+" is every link whose name begins so. */
const isLink = (dev: string, pattern: string) =>
  pattern.endsWith('+') ? dev.startsWith(pattern.slice(0, -1)) : dev === pattern

function letsIn({ target, ports }: FirewalldZone, { port, protocol }: NeededPort): boolean {
  if (target === 'ACCEPT') return true
  return ports.some((text) => {
    const [range = '', of] = text.split('/')
    const [from = '', to = from] = range.split('-')
    return of === protocol && Number(from) <= port && port <= Number(to)
  })
}
