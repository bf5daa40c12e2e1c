// UDP has no end of a connection: a client that keeps sending keeps its conntrack entry, and with it an endpoint that is
// gone, or the refusal it met before there was one. Which entries a change makes stale is decided here, without I/O.

import type { ServicePort } from './table.ts'

/** Arguments of `conntrack -D`, one array a call. */
export function planStaleConnections(old: readonly ServicePort[], now: readonly ServicePort[]): string[][] {
  return old
    .filter(({ protocol }) => protocol === 'udp')
    .flatMap((before) =>
      planPort(
        before,
        now.find(({ id, protocol }) => id === before.id && protocol === 'udp'),
      ),
    )
}

function planPort(before: ServicePort, after: ServicePort | undefined): string[][] {
  const served = new Set(after?.endpoints.concat(after.externalLocal ?? []).map(({ ip, port }) => `${ip}:${port}`))
  const gone = before.endpoints
    .concat(before.externalLocal ?? [])
    .filter(({ ip, port }) => !served.has(`${ip}:${port}`))
  const addresses = [before.clusterIp, ...before.externalIps]
  const ofGone = gone.flatMap(({ ip }) => [
    ...addresses.map((address) => ['-p', 'udp', '--orig-dst', address, '--dst-nat', ip]),
    ...(before.nodePort === undefined
      ? []
      : [['-p', 'udp', '--orig-port-dst', String(before.nodePort), '--dst-nat', ip]]),
  ])
  const firstServed = before.endpoints.length === 0 && (after?.endpoints.length ?? 0) > 0
  return firstServed ? [...ofGone, ...refused(before)] : ofGone
}

/** Entries of clients that were sent on to nowhere while the Service had no endpoint. */
function refused({ clusterIp, externalIps, port, nodePort }: ServicePort): string[][] {
  const byAddress = [clusterIp, ...externalIps].map((address) => [
    '-p',
    'udp',
    '--orig-dst',
    address,
    '--orig-port-dst',
    String(port),
  ])
  return nodePort === undefined ? byAddress : [...byAddress, ['-p', 'udp', '--orig-port-dst', String(nodePort)]]
}
