// Addresses, ranges, ports and firewalls.

import { rangesOverlap } from '../../api/objects/addresses.ts'
import { type Check, type CheckResult, failed, type HostWish, ok, warning } from './check.ts'
import type { FirewallFacts, HostFacts } from './facts.ts'

/** A port that others must reach. */
interface NeededPort {
  port: number
  protocol: 'tcp' | 'udp'
  what: string
  /** Only programs on this host use it. */
  isLocal?: boolean
  /** The kernel's own: no program listens. */
  isKernels?: boolean
}

/** Ports of what the host is to become. */
function neededPorts({ isServer, isNode, port, network, proxyMode }: HostWish): NeededPort[] {
  const server: NeededPort[] = isServer ? [{ port, protocol: 'tcp', what: 'API server' }] : []
  if (!isNode) return server
  const health: NeededPort[] =
    proxyMode === 'none' ? [] : [{ port: 10256, protocol: 'tcp', what: 'health of the proxy' }]
  return [...server, { port: 10250, protocol: 'tcp', what: 'agent' }, ...health, ...tunnelPorts[network]]
}

/** The kernel's own sockets: nobody is seen to listen. */
const tunnelPorts: Record<HostWish['network'], NeededPort[]> = {
  'host-gw': [],
  vxlan: [{ port: 4789, protocol: 'udp', what: 'VXLAN tunnels', isKernels: true }],
  wireguard: [{ port: 51820, protocol: 'udp', what: 'WireGuard tunnels', isKernels: true }],
}

/** Whether the ports are free. */
export const checkPorts: Check = ({ listeners }, wish) => {
  const taken = neededPorts(wish).filter(
    ({ port, protocol, isKernels }) =>
      isKernels !== true && listeners.some((each) => each.port === port && each.protocol === protocol),
  )
  if (taken.length === 0) return [ok('ports', `free: ${neededPorts(wish).map(formatPort).join(', ')}`)]
  return taken.map((each) =>
    failed(
      `port ${each.port}`,
      `somebody listens on ${formatPort(each)}, which the ${each.what} needs`,
      `ss -lntup 'sport = :${each.port}' names the program: stop it${each.what === 'API server' ? ', or choose another with --port' : ''}`,
    ),
  )
}

const formatPort = ({ port, protocol }: NeededPort) => `${port}/${protocol}`

/** Whether the host has the address that others are to reach it by. */
export const checkAddress: Check = ({ addresses }, { address, isServer }) => {
  const flag = isServer ? '--advertise-address' : '--node-ip'
  if (address === '')
    return [failed('address', 'no address but loopback', `connect the host, or name its address with ${flag}`)]
  if (addresses.some((each) => each.address === address)) return [ok('address', address)]
  const list = addresses.map((each) => `${each.address} (${each.dev})`).join(', ')
  return [
    failed('address', `${address} is on no link of this host; there are ${list}`, `choose one of these with ${flag}`),
  ]
}

/** systemd-networkd, which takes routes that it has not made off its links whenever it starts anew: those to other nodes' pods too. */
export const checkNetworkd: Check = ({ dropsForeignRoutes }, { isNode }) => {
  if (!isNode || !dropsForeignRoutes) return []
  const file = '/etc/systemd/networkd.conf.d/fairlead.conf'
  const settings = String.raw`[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n`
  return [
    warning(
      'networkd',
      'systemd-networkd drops the routes to other nodes whenever it starts anew; the agent writes them again within a minute',
      `mkdir -p /etc/systemd/networkd.conf.d; printf '${settings}' >${file}; systemctl restart systemd-networkd`,
    ),
  ]
}

/** Whether ranges of pods and Services are free of this host's networks, and of each other. */
export const checkRanges: Check = ({ routes, addresses }, { clusterCidrs, serviceCidrs, isServer, isNode }) => {
  if (!isServer && !isNode) return []
  const here = [...routes, ...addresses.map(({ address, prefix, dev }) => ({ range: `${address}/${prefix}`, dev }))]
  const results = [
    ...clusterCidrs.map((range) => ['--cluster-cidr', range]),
    ...serviceCidrs.map((range) => ['--service-cidr', range]),
  ].flatMap(([flag = '', range = '']) => {
    const clash = here.find((each) => rangesOverlap(each.range, range))
    return clash === undefined
      ? []
      : [
          failed(
            'ranges',
            `${flag} ${range} overlaps ${clash.range} on ${clash.dev}`,
            `choose another range with ${flag} of init`,
          ),
        ]
  })
  return results.length > 0 ? results : [ok('ranges', `free: ${[...clusterCidrs, ...serviceCidrs].join(', ')}`)]
}

/** Firewalls that are on: what they must let through. */
export const checkFirewalls: Check = ({ firewalls }, wish) => {
  const results = firewalls.flatMap((firewall) => checkFirewall(firewall, wish))
  return results.length > 0 ? results : [ok('firewall', 'neither ufw nor firewalld is on')]
}

function checkFirewall(firewall: FirewallFacts, wish: HostWish): CheckResult[] {
  const rules = firewall.name === 'ufw' ? ufwRules(wish) : firewalldRules(wish)
  const missing = rules.filter(({ isThere }) => !firewall.allowed.some((line) => isThere.test(line)))
  if (missing.length === 0) return [ok(`firewall: ${firewall.name}`, 'on, and lets everything needed through')]
  const mend = [...missing.map(({ command }) => command), ...(firewall.name === 'firewalld' ? [reload] : [])].join('; ')
  return [
    warning(`firewall: ${firewall.name}`, `on, and keeps ${missing.map(({ what }) => what).join(', ')} out`, mend),
  ]
}

interface FirewallRule {
  what: string
  /** A line of the firewall's own listing that says so. */
  isThere: RegExp
  command: string
}

/** Of ufw's listing, "10250/tcp ALLOW IN Anywhere". */
function ufwRules(wish: HostWish): FirewallRule[] {
  const ports = neededPorts(wish).map((each) => ({
    what: `${each.what} (${formatPort(each)})`,
    isThere: new RegExp(`^${each.port}(/${each.protocol})?\\s.*ALLOW`),
    command: `ufw allow ${formatPort(each)}`,
  }))
  const pods = wish.clusterCidrs.map((range) => ({
    what: `pods (${range}) on their way to this host`,
    isThere: new RegExp(`ALLOW (IN )?\\s*${RegExp.escape(range)}`),
    command: `ufw allow from ${range}`,
  }))
  return [...ports, ...(wish.isNode ? pods : [])]
}

/** What is only permanent counts from then on. */
const reload = 'firewall-cmd --reload'

/** Of `firewall-cmd --list-all-zones`: one line each of "ports:" and "sources:", beside "source-ports:" and "forward-ports:". */
function firewalldRules(wish: HostWish): FirewallRule[] {
  const ports = neededPorts(wish).map((each) => ({
    what: `${each.what} (${formatPort(each)})`,
    isThere: new RegExp(`^\\s*ports:.*\\b${each.port}/${each.protocol}\\b`),
    command: `firewall-cmd --permanent --add-port=${formatPort(each)}`,
  }))
  // Its rules are beside ours, and a packet must pass both: in its zone "trusted" it lets forwarded packets pass too.
  const pods = wish.clusterCidrs.map((range) => ({
    what: `pods (${range})`,
    isThere: new RegExp(`^\\s*sources:.*${RegExp.escape(range)}`),
    command: `firewall-cmd --permanent --zone=trusted --add-source=${range}`,
  }))
  return [...ports, ...(wish.isNode ? pods : [])]
}

/** Other orchestrators and pod networks. */
export const checkStrangers: Check = ({ strangers }: HostFacts, { isNode }) => {
  if (!isNode || strangers.length === 0) return []
  return strangers.map((found) =>
    failed(
      'other clusters',
      found,
      'remove it first: both would write the same chains of Services and the same CNI folder',
    ),
  )
}
