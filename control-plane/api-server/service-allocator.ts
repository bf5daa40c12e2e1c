// Cluster addresses and node ports. What is taken is what the Services in the cache have, plus what writes under way have
// reserved: nothing is kept elsewhere, so a crash leaks nothing and a deletion releases by itself.

import type { PortRange } from '../../api/flags/values.ts'
import type { Service, ServicePort, ServiceSpec } from '../../api/generated/types.ts'
import { invalidValue } from '../../api/objects/field-errors.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { internalError, invalid } from '../../api/objects/status-error.ts'
import type { Resource } from '../../api/resources/resource.ts'
import { services } from '../../api/resources/services.ts'
import { followCache } from './cache-follower.ts'
import { settleFamilies } from './service-families.ts'
import { portKey, ServiceHoldings } from './service-holdings.ts'
import { pickNumber, type ServiceRange } from './service-range.ts'
import type { WatchCache } from './watch-cache.ts'

/** What Services have of one kind of thing, such as "10.96.0.7" or "TCP/30080". */
type Taken = (thing: string) => boolean

export class ServiceAllocator {
  /** What Services have that are in the cache. */
  readonly #holdings = new ServiceHoldings()
  /** One range per address family of the cluster, its first family first. */
  readonly #addresses: readonly ServiceRange[]
  readonly #ports: PortRange
  /** Given to writes that are not in the cache yet. */
  readonly #reserved = new Set<string>()

  constructor(cache: WatchCache, addresses: readonly ServiceRange[], ports: PortRange) {
    followCache(cache, this.#holdings)
    this.#addresses = addresses
    this.#ports = ports
  }

  /**
   * Gives a Service the addresses and node ports that it lacks, and checks those that it names. They stay reserved until
   * the result is disposed of, when the Service is in the cache or will never be. Does nothing for other kinds.
   */
  allocate(resource: Resource, object: ApiObject, old?: Stored<ApiObject>): Disposable {
    const mine: string[] = []
    const release = { [Symbol.dispose]: () => this.#release(mine) }
    if (resource.group !== '' || resource.plural !== 'services') return release
    const service: Service = object
    const before: Service | undefined = old
    if (service.spec === undefined) return release
    const uid = old?.metadata.uid
    const isTaken: Taken = (thing) => this.#holdings.isHeldByOther(thing, uid) || this.#reserved.has(thing)
    const reserve = (thing: string) => {
      this.#reserved.add(thing)
      mine.push(thing)
    }
    try {
      this.#giveAddresses(service, before?.spec, isTaken, reserve)
      this.#givePorts(service, before?.spec, isTaken, reserve)
      this.#giveHealthCheckPort(service, before?.spec, isTaken, reserve)
      return release
    } catch (error) {
      release[Symbol.dispose]()
      throw error
    }
  }

  #release(things: readonly string[]): void {
    for (const thing of things) this.#reserved.delete(thing)
  }

  #giveAddresses(
    service: Service,
    old: ServiceSpec | undefined,
    isTaken: Taken,
    reserve: (thing: string) => void,
  ): void {
    const spec = service.spec ?? {}
    if (spec.type === 'ExternalName') {
      // A Service that becomes a mere name gives back what it had.
      if (old !== undefined)
        for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) delete spec[field]
      return
    }
    settleFamilies(
      service,
      spec,
      old,
      this.#addresses.map(({ family }) => family),
    )
    if (spec.clusterIP === 'None') {
      spec.clusterIPs = ['None']
      return
    }
    const given = spec.clusterIPs ?? []
    const had = new Set(old?.clusterIPs)
    spec.clusterIPs = (spec.ipFamilies ?? []).map((family, index) => {
      const address = given[index] ?? ''
      const range = this.#addresses.find((each) => each.family === family)
      if (range === undefined) throw internalError(`no service range of family ${family}`)
      if (address === '') return this.#pickAddress(range, isTaken)
      if (!had.has(address)) this.#checkAddress(service, address, range, isTaken)
      return address
    })
    spec.clusterIP = spec.clusterIPs[0]
    for (const address of spec.clusterIPs) reserve(address)
  }

  #pickAddress(range: ServiceRange, isTaken: Taken): string {
    const address = range.pick(isTaken)
    if (address === undefined) throw internalError(`failed to allocate a serviceIP: range is full (${range.cidr})`)
    return address
  }

  #checkAddress(service: Service, address: string, addresses: ServiceRange, isTaken: Taken): void {
    const range = `The range of valid IPs is ${addresses.cidr}`
    const why = !addresses.has(address)
      ? `the provided IP (${address}) is not in the valid range. ${range}`
      : isTaken(address)
        ? 'provided IP is already allocated'
        : undefined
    if (why === undefined) return
    throw refuse(service, 'spec.clusterIPs', [address], `failed to allocate IP ${address}: ${why}`)
  }

  #givePorts(service: Service, old: ServiceSpec | undefined, isTaken: Taken, reserve: (thing: string) => void): void {
    const { type, ports = [], allocateLoadBalancerNodePorts = true } = service.spec ?? {}
    const needs = type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts)
    const had = new Set((old?.ports ?? []).map(({ protocol, nodePort }) => portKey(protocol, nodePort)))
    if (type !== 'NodePort' && type !== 'LoadBalancer') {
      for (const port of ports) delete port.nodePort
      return
    }
    ports.forEach((port, index) => {
      const wanted = port.nodePort ?? 0
      if (wanted === 0 && needs) port.nodePort = this.#pickPort(port, isTaken)
      else if (wanted !== 0 && !had.has(portKey(port.protocol, wanted))) this.#checkPort(service, index, port, isTaken)
      if (port.nodePort) reserve(portKey(port.protocol, port.nodePort))
    })
  }

  /** Balancers ask there whether a node has endpoints of its own. */
  #giveHealthCheckPort(
    service: Service,
    old: ServiceSpec | undefined,
    isTaken: Taken,
    reserve: (thing: string) => void,
  ): void {
    const { spec } = service
    if (spec?.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return
    const wanted = spec.healthCheckNodePort ?? 0
    if (wanted === 0) spec.healthCheckNodePort = this.#pickPort({ protocol: 'TCP' }, isTaken)
    else if (wanted !== old?.healthCheckNodePort) {
      const why = this.#whyNotPort('TCP', wanted, isTaken)
      if (why !== undefined) throw refuse(service, 'spec.healthCheckNodePort', wanted, why)
    }
    reserve(portKey('TCP', spec.healthCheckNodePort))
  }

  #pickPort({ protocol }: Pick<ServicePort, 'protocol'>, isTaken: Taken): number {
    const { from, to } = this.#ports
    const port = pickNumber(from, to, (value) => isTaken(portKey(protocol, value)), Number)
    if (port === undefined) throw internalError('failed to allocate a nodePort: range is full')
    return port
  }

  #checkPort(service: Service, index: number, { protocol, nodePort = 0 }: ServicePort, isTaken: Taken): void {
    const why = this.#whyNotPort(protocol, nodePort, isTaken)
    if (why !== undefined) throw refuse(service, `spec.ports[${index}].nodePort`, nodePort, why)
  }

  #whyNotPort(protocol: string | undefined, port: number, isTaken: Taken): string | undefined {
    const { from, to } = this.#ports
    if (port < from || port > to)
      return `provided port is not in the valid range. The range of valid ports is ${from}-${to}`
    return isTaken(portKey(protocol, port)) ? 'provided port is already allocated' : undefined
  }
}

function refuse(service: Service, field: string, value: unknown, why: string) {
  return invalid(services, service.metadata?.name ?? '', [invalidValue(field, value, why)])
}
