// Routes to other nodes' pods. `proto 96` marks ours in the kernel: those, and no others, are ours to remove.

import { listRoutes, listRoutes6, type Route } from '../../cni/linux/ip.ts'
import type { NodeRoute } from './plan.ts'
import type { Repair } from './repair.ts'

/** As in `ip route show proto 96`. */
const routeProtocol = '96'

/** What must change so that the kernel's routes of ours are the wanted ones. */
export async function compareRoutes(wanted: readonly NodeRoute[]): Promise<Repair[]> {
  const selection = ['proto', routeProtocol]
  const [four, six] = await Promise.all([listRoutes({}, selection), listRoutes6({}, selection)])
  return diffRoutes(wanted, [...four, ...six])
}

/** The same of routes that were read. Pure. */
export function diffRoutes(wanted: readonly NodeRoute[], actual: readonly Route[]): Repair[] {
  const present = new Map(actual.map((route) => [route.dst, route]))
  const names = new Set(wanted.map(({ dst }) => dst))
  return [
    ...actual.filter(({ dst }) => !names.has(dst)).map(removal),
    ...wanted.filter((route) => !isSame(route, present.get(route.dst))).map((route) => write(route, present)),
  ]
}

function isSame({ gateway, dev }: NodeRoute, actual: Route | undefined): boolean {
  return actual !== undefined && actual.gateway === gateway && (dev === undefined || actual.dev === dev)
}

function removal(route: Route): Repair {
  const owner = 'a node that is gone'
  return {
    differences: [{ kind: 'route', name: nameOf(route), state: 'extra', owner }],
    ip: [`route del ${route.dst} proto ${routeProtocol}`],
  }
}

function write(route: NodeRoute, present: ReadonlyMap<string, Route>): Repair {
  const { dst, gateway, dev, owner } = route
  const old = present.get(dst)
  const way = [
    ...(gateway === undefined ? [] : [`via ${gateway}`]),
    ...(dev === undefined ? [] : [`dev ${dev}`]),
    ...(gateway !== undefined && dev !== undefined ? ['onlink'] : []),
  ]
  return {
    differences: [
      old === undefined
        ? { kind: 'route', name: nameOf(route), state: 'missing', owner }
        : { kind: 'route', name: nameOf(route), state: 'different', owner, detail: `is ${nameOf(old)}` },
    ],
    ip: [`route replace ${dst} ${way.join(' ')} proto ${routeProtocol}`],
  }
}

function nameOf({ dst, gateway, dev }: Route): string {
  return `${dst}${gateway === undefined ? '' : ` via ${gateway}`}${dev === undefined ? '' : ` dev ${dev}`}`
}
