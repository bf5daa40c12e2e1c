import type { Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { CacheFollower } from './cache-follower.ts'

/** Which Service has which cluster address, such as "10.96.0.7", and which node port, such as "TCP/30080". */
export class ServiceHoldings implements CacheFollower<Service> {
  /** Uids by thing. More than one holder is a mistake of the past, which ends when one of them goes. */
  readonly #holders = new Map<string, Set<string>>()

  reset(services: Iterable<Stored<Service>>): void {
    this.#holders.clear()
    for (const service of services) this.#add(service)
  }

  change(old: Stored<Service> | undefined, now: Stored<Service> | undefined): void {
    if (old !== undefined) this.#remove(old)
    if (now !== undefined) this.#add(now)
  }

  /** True if a Service other than the one with this uid has it. */
  isHeldByOther(thing: string, uid: string | undefined): boolean {
    const holders = this.#holders.get(thing)
    return holders !== undefined && (holders.size > 1 || uid === undefined || !holders.has(uid))
  }

  #add(service: Stored<Service>): void {
    for (const thing of thingsOf(service)) {
      const holders = this.#holders.get(thing) ?? new Set<string>()
      this.#holders.set(thing, holders.add(service.metadata.uid))
    }
  }

  #remove(service: Stored<Service>): void {
    for (const thing of thingsOf(service)) {
      const holders = this.#holders.get(thing)
      holders?.delete(service.metadata.uid)
      if (holders?.size === 0) this.#holders.delete(thing)
    }
  }
}

/** Names a node port among the things that Services have. */
export function portKey(protocol = 'TCP', port = 0): string {
  return `${protocol}/${port}`
}

function thingsOf({ spec }: Stored<Service>): string[] {
  if (spec === undefined) return []
  const { clusterIP = '', clusterIPs = [clusterIP], ports = [], healthCheckNodePort = 0 } = spec
  return [
    ...clusterIPs.filter((address) => address !== '' && address !== 'None'),
    ...ports.flatMap(({ protocol, nodePort }) => (nodePort ? [portKey(protocol, nodePort)] : [])),
    ...(healthCheckNodePort === 0 ? [] : [portKey('TCP', healthCheckNodePort)]),
  ]
}
