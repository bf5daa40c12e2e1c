// UDP has no end of a connection: a client that keeps sending keeps its conntrack entry, and with it an endpoint that is
// gone, or the refusal it met before there was one. Which entries a change makes stale is decided here, without I/O.

import { allEndpoints, type ServicePort } from './table.ts'

/** Arguments of `conntrack -D`, one array a call. */
export function planStaleConnections(old: readonly ServicePort[], now: readonly ServicePort[]): string[][] {
  return old
    .filter(({ protocol }) => protocol === 'udp')
    .flatMap((before) =>
      planPort(
        before,
        now.find(({ id, family, protocol }) => id === before.id && family === before.family && protocol === 'udp'),
      ),
    )
}

function planPort(before: ServicePort, after: ServicePort | undefined): string[][] {
  const served = new Set((after === undefined ? [] : allEndpoints(after)).map(({ ip, port }) => `${ip}:${port}`))
  const gone = allEndpoints(before).filter(({ ip, port }) => !served.has(`${ip}:${port}`))
  const addresses = [before.clusterIp, ...before.externalIps, ...before.loadBalancerIps]
  const ofGone = gone.flatMap(({ ip }) => [
    ...addresses.map((address) => ['-p', 'udp', '--orig-dst', address, '--dst-nat', ip]),
    ...(before.nodePort === undefined
      ? []
      : [['-p', 'udp', '--orig-port-dst', String(before.nodePort), '--dst-nat', ip]]),
  ])
  const firstServed = allEndpoints(before).length === 0 && after !== undefined && allEndpoints(after).length > 0
  return firstServed ? [...ofGone, ...refused(before)] : ofGone
}

/** Entries of clients that were sent on to nowhere while the Service had no endpoint. */
function refused({ clusterIp, externalIps, loadBalancerIps, port, nodePort }: ServicePort): string[][] {
  const byAddress = [clusterIp, ...externalIps, ...loadBalancerIps].map((address) => [
    '-p',
    'udp',
    '--orig-dst',
    address,
    '--orig-port-dst',
    String(port),
  ])
  return nodePort === undefined ? byAddress : [...byAddress, ['-p', 'udp', '--orig-port-dst', String(nodePort)]]
}
