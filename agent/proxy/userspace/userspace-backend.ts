// Serves Services in this process: rules send connections to a socket on the node, and what comes there is passed on to
// endpoints in turn. For kernels that cannot do more than redirect, and for looking at what a proxy does. Endpoints see the
// node's address, never the client's; connections end with the agent; SCTP is refused (docs/proxy-modes.md).

import type { Difference } from '../../../api/net/difference.ts'
import type { BackendOptions, ProxyBackend, ServiceChanges } from '../backend.ts'
import type { FamilyRules } from '../iptables/family-rules.ts'
import { inEach, makeFamilies } from '../iptables/iptables-backend.ts'
import type { Scope, Way } from '../iptables/way.ts'
import { comment, toHostRange, toSocket, words } from '../iptables/words.ts'
import { type Endpoint, familyOf, type ServicePort } from '../table.ts'
import { Relays } from './relays.ts'

/** Where SCTP is sent, to be refused there in the name of the Service. */
const refusedPort = 1

export class UserspaceBackend implements ProxyBackend {
  readonly #nodeIps: readonly string[]
  readonly #relays: Relays
  readonly #families: readonly FamilyRules[]

  /** Throws when the node has no address of a family that pods have. */
  constructor(options: BackendOptions) {
    this.#nodeIps = options.nodeIps ?? []
    this.#relays = new Relays({
      now: Date.now,
      hostOf: ({ family }) => this.#hostOf(family),
      // A listener that fails later serves its open connections; new ones are refused, and the next change tells.
      onError: options.onError ?? (() => undefined),
    })
    this.#families = makeFamilies(options, (ranges) => this.#makeWay(ranges))
  }

  async apply(changes: ServiceChanges): Promise<void> {
    for (const [key, ports] of changes) await this.#relays.ensure(key, ports)
    await inEach(this.#families, (family) => family.apply(changes))
    for (const [key, ports] of changes) this.#relays.retire(key, ports)
  }

  async resync(): Promise<void> {
    await inEach(this.#families, (family) => family.resync())
  }

  async verify(): Promise<Difference[]> {
    return (await inEach(this.#families, (family) => family.verify())).flat()
  }

  targetsOf(port: ServicePort): Pick<Endpoint, 'ip' | 'port'>[] {
    return (['cluster', 'local'] as const).flatMap((scope) => {
      const listening = this.#relays.portOf(port, scope)
      return listening === undefined ? [] : [{ ip: this.#hostOf(port.family), port: listening }]
    })
  }

  #hostOf(family: ServicePort['family']): string {
    const host = this.#nodeIps.find((ip) => familyOf(ip) === family)
    if (host === undefined) throw new Error(`mode userspace: this node has no ${family} address to listen on`)
    return host
  }

  #makeWay(ranges: Pick<Way, 'clusterCidr' | 'serviceCidr'>): Way {
    const family = familyOf(ranges.clusterCidr)
    const host = this.#hostOf(family)
    const refuseSctp = `-d ${toHostRange(host)} -p sctp ${comment('mode userspace has no SCTP')} -m sctp --dport ${refusedPort} ${words[family].reject}`
    return {
      ...ranges,
      masquerades: false,
      refusals: [refuseSctp],
      send: (port, scope) => ({ rules: [this.#planRedirect(port, scope, host)], chains: [] }),
    }
  }

  #planRedirect(port: ServicePort, scope: Scope, ip: string): string {
    const target = toSocket({ ip, port: this.#relays.portOf(port, scope) ?? refusedPort })
    return `-p ${port.protocol} ${comment(`${port.id} ${scope}`)} -j DNAT --to-destination ${target}`
  }
}
