// Serves Services by IPVS: every Service address is a local address on kube-ipvs0 with a virtual server for each port, and a
// fixed number of iptables rules look into sets. A change of one Service writes that Service's servers, addresses and set
// elements alone. It keeps a picture of what the kernel holds; only the first call, a resync and the call after a failure
// read the kernel. On TCP and SCTP an endpoint that goes keeps its connections, at weight 0, until a resync finds none.

import type { Difference } from '../../../api/net/difference.ts'
import { familyOf } from '../../../api/objects/addresses.ts'
import { ipBatch } from '../../../cni/linux/ip.ts'
import { restoreSets } from '../../../cni/linux/ipset.ts'
import { restoreVirtualServers } from '../../../cni/linux/ipvs.ts'
import type { BackendOptions, ProxyBackend, ServiceChanges } from '../backend.ts'
import type { ServicePort } from '../table.ts'
import { ensureBase, type Families, verifyBase } from './base.ts'
import { allKeys, noteWritten, planChanges } from './changes.ts'
import { explainIpvsError } from './errors.ts'
import { type Kernel, readKernel } from './kernel.ts'
import { Marks } from './marks.ts'
import { planService } from './plan.ts'
import { findDifferences } from './verify.ts'
import { type Touched, Wanted } from './wanted.ts'

export class IpvsBackend implements ProxyBackend {
  readonly #options: BackendOptions
  readonly #scheduler: string
  readonly #families: Families
  /** The ports of each Service, to be planned again when the node's addresses change. */
  readonly #ports = new Map<string, readonly ServicePort[]>()
  #wanted = new Wanted()
  readonly #marks = new Marks()
  #nodeAddresses: string[] = []
  #isPlanned = false
  /** What the kernel holds; undefined when that is not known. */
  #kernel: Kernel | undefined

  constructor(options: BackendOptions) {
    this.#options = options
    this.#scheduler = options.ipvsScheduler ?? 'rr'
    this.#families = new Map(options.clusterCidrs.map((cidr) => [familyOf(cidr), cidr]))
  }

  async apply(changes: ServiceChanges): Promise<void> {
    const touched: Touched = { addresses: new Set(), servers: new Set(), elements: new Set() }
    for (const [service, ports] of changes) {
      if (ports.length === 0) this.#ports.delete(service)
      else this.#ports.set(service, ports)
      // Before the first reading nothing is known that a plan needs; it makes all plans.
      if (!this.#isPlanned) continue
      const keys = this.#plan(service, ports)
      for (const part of ['addresses', 'servers', 'elements'] as const)
        for (const key of keys[part]) touched[part].add(key)
    }
    if (this.#kernel === undefined) await this.resync()
    else await this.#write(this.#kernel, touched)
  }

  async resync(): Promise<void> {
    this.#kernel = undefined
    const kernel = await this.#read()
    this.#followNode(kernel)
    await explainIpvsError(ensureBase(kernel, this.#families, this.#options), this.#scheduler)
    await this.#write(kernel, allKeys(this.#wanted, kernel))
  }

  async verify(): Promise<Difference[]> {
    const kernel = await this.#read()
    this.#followNode(kernel)
    return [
      ...(await verifyBase(kernel, this.#families, this.#options)),
      ...findDifferences(this.#wanted, kernel, allKeys(this.#wanted, kernel)),
    ]
  }

  async #read(): Promise<Kernel> {
    const isWanted = (server: string) => this.#wanted.servers.has(server)
    return await explainIpvsError(readKernel(this.#options, isWanted), this.#scheduler)
  }

  #plan(service: string, ports: readonly ServicePort[]): Touched {
    const served = ports.filter(({ family }) => this.#families.has(family))
    const plan = planService(served, {
      scheduler: this.#scheduler,
      nodeAddresses: this.#nodeAddresses,
      markOf: (id) => this.#marks.of(service, id),
    })
    if (ports.length === 0) this.#marks.release(service)
    return this.#wanted.set(service, plan)
  }

  /** Node ports have a virtual server on each of the node's addresses. Marks of an earlier life go on. */
  #followNode({ nodeAddresses, elements }: Kernel): void {
    if (this.#isPlanned && nodeAddresses.join() === this.#nodeAddresses.join()) return
    if (!this.#isPlanned) this.#marks.adopt(elements)
    this.#isPlanned = true
    this.#nodeAddresses = nodeAddresses
    this.#wanted = new Wanted()
    for (const [service, ports] of this.#ports) this.#plan(service, ports)
  }

  /** The kernel's picture is forgotten until all is written: who knows what a failed tool has done. */
  async #write(kernel: Kernel, touched: Touched): Promise<void> {
    this.#kernel = undefined
    const { closing, addresses, servers, opening } = planChanges(this.#wanted, kernel, touched)
    await restoreSets(closing, this.#options)
    await ipBatch(addresses, this.#options)
    await explainIpvsError(restoreVirtualServers(servers, this.#options), this.#scheduler)
    await restoreSets(opening, this.#options)
    noteWritten(this.#wanted, kernel, touched)
    this.#kernel = kernel
  }
}
