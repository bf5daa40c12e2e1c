// The relays of all Service ports: one for each port and each set of endpoints that its traffic may go to.

import type { Scope } from '../iptables/way.ts'
import { allEndpoints, type Endpoint, type ServicePort } from '../table.ts'
import { relayId } from './redirect.ts'
import type { Relay, RelayOptions } from './relay.ts'
import { TcpRelay } from './tcp-relay.ts'
import { UdpRelay } from './udp-relay.ts'

/** The policies' sets of endpoints; they may be the same, and are asked for by different clients all the same. */
const scopes: readonly Scope[] = ['cluster', 'local']

export interface RelaysOptions extends Omit<RelayOptions, 'host' | 'port'> {
  /** The node's address of the family. */
  hostOf: (port: ServicePort) => string
}

export class Relays {
  readonly #options: RelaysOptions
  readonly #relays = new Map<string, Relay>()
  /** Relays of each Service, by Service key. */
  readonly #owned = new Map<string, Set<string>>()
  #earlierPorts: ReadonlyMap<string, number> = new Map()

  constructor(options: RelaysOptions) {
    this.#options = options
  }

  /** Where an earlier life listened, by relayId: relays that begin now listen there again, so that its rules hold. */
  set earlierPorts(ports: ReadonlyMap<string, number>) {
    this.#earlierPorts = ports
  }

  /** The port that traffic of this Service port and scope must be sent to; undefined: nobody serves it. */
  portOf(port: ServicePort, scope: Scope): number | undefined {
    return this.#relays.get(relayId(port, scope))?.port
  }

  /** Listens for what the Service wants now. Relays that it wants no more go on until they are retired, as rules still lead to them. */
  async ensure(serviceKey: string, ports: readonly ServicePort[]): Promise<void> {
    const owned = this.#owned.get(serviceKey) ?? new Set()
    this.#owned.set(serviceKey, owned)
    for (const { id, scope, port } of wantedRelays(ports)) {
      const { affinitySeconds } = port
      const known = this.#relays.get(id)
      if (known === undefined && port[scope].length === 0) continue
      const relay = known ?? (await this.#listen(id, port))
      this.#relays.set(id, relay)
      owned.add(id)
      relay.set({
        serving: port[scope],
        draining: whoIsThere(port),
        ...(affinitySeconds !== undefined && { affinitySeconds }),
      })
    }
  }

  /** Closes what the Service wants no more, once no rule leads to it. */
  retire(serviceKey: string, ports: readonly ServicePort[]): void {
    const wanted = new Set(wantedRelays(ports).map(({ id }) => id))
    const owned = this.#owned.get(serviceKey) ?? new Set()
    for (const id of owned) {
      if (wanted.has(id)) continue
      this.#relays.get(id)?.close()
      this.#relays.delete(id)
      owned.delete(id)
    }
    if (owned.size === 0) this.#owned.delete(serviceKey)
  }

  async #listen(id: string, port: ServicePort): Promise<Relay> {
    const options = { ...this.#options, host: this.#options.hostOf(port), port: this.#earlierPorts.get(id) }
    return port.protocol === 'udp' ? await UdpRelay.listen(options) : await TcpRelay.listen(options)
  }
}

/** Node has no sockets for SCTP. A relay of TCP that has nobody to send new clients to may still have some that go on. */
function wantedRelays(ports: readonly ServicePort[]): { id: string; scope: Scope; port: ServicePort }[] {
  return ports
    .filter(({ protocol }) => protocol !== 'sctp')
    .flatMap((port) => scopes.map((scope) => ({ id: relayId(port, scope), scope, port })))
    .filter(({ scope, port }) => (port.protocol === 'tcp' ? whoIsThere(port) : port[scope]).length > 0)
}

/** What gets nothing new of one scope may be serving in the other. */
function whoIsThere(port: ServicePort): Endpoint[] {
  return [...allEndpoints(port), ...(port.draining ?? [])]
}
