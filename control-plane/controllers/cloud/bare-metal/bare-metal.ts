// The built-in provider: no cloud at all. A balancer is an address of the pool; the agents agree among themselves which node
// takes it (agent/announcer), and the Service proxy of that node does the rest.

import type { LoadBalancerStatus, Service } from '../../../../api/generated/types.ts'
import { ipFamilyOf } from '../../../../api/objects/addresses.ts'
import { type Stored, toKey } from '../../../../api/objects/object.ts'
import { type CloudProvider, CloudRefusal, type LoadBalancers } from '../provider.ts'
import { AddressPool } from './address-pool.ts'

/** Names the addresses that a Service wants, one per family, separated by commas. */
const wantedAddressesAnnotation = 'fairlead.io/load-balancer-ips'

/** A provider that gives out these ranges, such as "192.0.2.200-192.0.2.220". Throws what is wrong with one. */
export function makeBareMetal(ranges: readonly string[]): CloudProvider {
  return { name: 'bare-metal', balancers: new PoolBalancers(new AddressPool(ranges)) }
}

class PoolBalancers implements LoadBalancers {
  readonly loadBalancerClass = 'fairlead.io/address-pool'
  readonly announced = true
  readonly #pool: AddressPool

  constructor(pool: AddressPool) {
    this.#pool = pool
  }

  adopt(service: Stored<Service>): void {
    for (const { ip } of service.status?.loadBalancer?.ingress ?? [])
      if (ip !== undefined && this.#pool.has(ip)) this.#pool.take(ip, toKey(service))
  }

  async ensure(service: Stored<Service>): Promise<LoadBalancerStatus> {
    const key = toKey(service)
    const wanted = wantedAddresses(service)
    const families = (service.spec.ipFamilies ?? ['IPv4']).map((family) => (family === 'IPv6' ? 'IPv6' : 'IPv4'))
    const served = families.filter((family) => this.#pool.serves(family))
    if (served.length === 0) throw new CloudRefusal(`the address pool has no ${families.join(' or ')} addresses`)
    for (const address of wanted) this.#claim(address, key)
    for (const held of this.#pool.of(key)) if (!fits(held, served, wanted)) this.#pool.release(key, held)
    const addresses = served.map((family) => this.#addressFor(key, family))
    return { ingress: addresses.map((ip) => ({ ip, ipMode: 'VIP' })) }
  }

  async release(serviceKey: string): Promise<void> {
    this.#pool.release(serviceKey)
  }

  #claim(address: string, key: string): void {
    if (!this.#pool.has(address)) throw new CloudRefusal(`address ${address} is not in the address pool`)
    if (!this.#pool.take(address, key))
      throw new CloudRefusal(`address ${address} belongs to Service ${this.#pool.ownerOf(address)}`)
  }

  #addressFor(key: string, family: 'IPv4' | 'IPv6'): string {
    const held = this.#pool.of(key).find((address) => ipFamilyOf(address) === family)
    const address = held ?? this.#pool.pick(family, key)
    if (address === undefined) throw new CloudRefusal(`no free ${family} address is left in the address pool`)
    return address
  }
}

/** Of several held addresses of one family the wanted one stays. */
function fits(held: string, families: readonly string[], wanted: readonly string[]): boolean {
  const family = ipFamilyOf(held)
  const rival = wanted.find((address) => ipFamilyOf(address) === family)
  return families.includes(family) && (rival === undefined || rival === held)
}

function wantedAddresses({ metadata, spec }: Stored<Service>): string[] {
  const text = metadata.annotations?.[wantedAddressesAnnotation] ?? spec.loadBalancerIP ?? ''
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
