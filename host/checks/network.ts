// Addresses, ranges and ports.

import { rangesOverlap } from '../../api/objects/addresses.ts'
import { type Check, failed, ok, warning } from './check.ts'
import type { HostFacts } from './facts.ts'
import { formatPort, neededPorts } from './needed-ports.ts'

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

/** Whether the host has each address that others are to reach it by. */
export const checkAddress: Check = ({ addresses }, wish) => {
  const flags = [...(wish.isServer ? ['--advertise-address'] : []), ...(wish.isNode ? ['--node-ip'] : [])].join(' and ')
  if (wish.addresses.length === 0)
    return [failed('address', 'no address but loopback', `connect the host, or name its address with ${flags}`)]
  const strange = wish.addresses.filter((wanted) => !addresses.some(({ address }) => address === wanted))
  if (strange.length === 0) return [ok('address', wish.addresses.join(', '))]
  const list = addresses.map(({ address, dev }) => `${address} (${dev})`).join(', ')
  return strange.map((address) =>
    failed('address', `${address} is on no link of this host; there are ${list}`, `choose among these with ${flags}`),
  )
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
