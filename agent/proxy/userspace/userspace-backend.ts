// Serves Services in this process: rules send connections to a socket on the node, and what comes there is passed on to
// endpoints in turn. For kernels that cannot do more than redirect, and for looking at what a proxy does. Endpoints see the
// node's address, never the client's; connections end with the agent; SCTP is refused (docs/proxy-modes.md).

import type { Difference } from '../../../api/net/difference.ts'
import { familyOf } from '../../../api/objects/addresses.ts'
import { parseTable, saveTable } from '../../../cni/linux/iptables.ts'
import type { BackendOptions, ProxyBackend, ServiceChanges } from '../backend.ts'
import type { FamilyRules } from '../iptables/family-rules.ts'
import { inEach, makeFamilies } from '../iptables/iptables-backend.ts'
import type { Way } from '../iptables/way.ts'
import { comment, toHostRange, words } from '../iptables/words.ts'
import type { Endpoint, ServicePort } from '../table.ts'
import { parseRedirects, planRedirect } from './redirect.ts'
import { Relays } from './relays.ts'

/** Where SCTP is sent, to be refused there in the name of the Service. */
const refusedPort = 1

export class UserspaceBackend implements ProxyBackend {
  readonly #nodeIps: readonly string[]
  readonly #relays: Relays
  readonly #families: readonly FamilyRules[]
  readonly #onError: (error: unknown) => void
  /** Services that were told of as refused, by Service key. */
  readonly #told = new Set<string>()
  #isFirst = true

  /** Throws when the node has no address of a family that pods have, or the namespace is not this process's own. */
  constructor(options: BackendOptions) {
    this.#nodeIps = options.nodeIps ?? []
    if (options.netns !== undefined)
      throw new Error('mode userspace listens in the network namespace of its process alone')
    // A listener that fails later serves its open connections; new ones are refused, and the next change tells.
    this.#onError = options.onError ?? (() => undefined)
    this.#relays = new Relays({
      now: Date.now,
      hostOf: ({ family }) => this.#hostOf(family),
      onError: this.#onError,
    })
    this.#families = makeFamilies(options, (ranges) => this.#makeWay(ranges))
  }

  async apply(changes: ServiceChanges): Promise<void> {
    if (this.#isFirst) this.#relays.earlierPorts = await this.#readPorts()
    this.#isFirst = false
    for (const [key, ports] of changes) await this.#relays.ensure(key, ports)
    await inEach(this.#families, (family) => family.apply(changes))
    for (const [key, ports] of changes) {
      this.#relays.retire(key, ports)
      this.#tellOfSctp(key, ports)
    }
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

  /** Once in a Service's life. */
  #tellOfSctp(key: string, ports: readonly ServicePort[]): void {
    const refused = new Set(ports.filter(({ protocol }) => protocol === 'sctp').map(({ id }) => id))
    if (refused.size === 0) this.#told.delete(key)
    else if (!this.#told.has(key)) {
      this.#told.add(key)
      this.#onError(
        new Error(`mode userspace: SCTP is refused, as Node has no sockets for it: ${[...refused].join(', ')}`),
      )
    }
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
      send: (port, scope) => {
        const target = { ip: host, port: this.#relays.portOf(port, scope) ?? refusedPort }
        return { rules: [planRedirect(port, scope, target)], chains: [] }
      },
    }
  }

  /** Where rules of an earlier life lead. */
  async #readPorts(): Promise<Map<string, number>> {
    const found = await Promise.all(
      this.#families.map(async ({ family }) => {
        const chains = parseTable(await saveTable('nat', { family }))
        return [...parseRedirects([...chains.values()].flat(), this.#hostOf(family), family)]
      }),
    )
    return new Map(found.flat())
  }
}
