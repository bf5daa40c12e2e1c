// The pod network by CNI: runs the node's chain for each sandbox and remembers what it ran.

import { join } from 'node:path'
import type { Difference, Verifiable } from '../../api/net/difference.ts'
import { hostLinkName } from '../../cni/bridge/names.ts'
import { enableNetlink } from '../../cni/linux/netlink.ts'
import { addressesOf, planAttachment } from '../../cni/plugin.ts'
import type { PodIdentity } from '../runtime/runtime.ts'
import { Afterwork } from './afterwork.ts'
import { compareAttachments, type OwnedAttachment } from './attachment-repairs.ts'
import { type AttachmentRecord, AttachmentRecords, hasNamespace, readInode } from './attachments.ts'
import { addChain, type ChainCall, cbrConfigs, checkChain, delChain, gcChain } from './chain.ts'
import { bridgeName, readConfigList } from './conflist.ts'
import type { AttachRequest, PodNetwork } from './pod-network.ts'
import { applyRepairs, type Repair } from './repair.ts'

export interface CniNetworkOptions {
  /** Folder of the node's configuration lists. */
  confDir: string
  /** Folders of plugin programs. */
  binDirs: string[]
  /** Where the records of attachments are kept. */
  dataDir: string
  /** Told of what fails after a detachment is over; the next comparison finds what that left. */
  onError: (error: unknown) => void
}

/** The interface's name in every pod. */
const ifname = 'eth0'

export class CniNetwork implements PodNetwork, Verifiable {
  readonly #options: CniNetworkOptions
  readonly #records: AttachmentRecords
  /** Sandboxes that are being attached or detached now. */
  readonly #busy = new Set<string>()
  /** Of each comparison under way, the links that it must leave alone. */
  readonly #comparisons = new Set<Set<string>>()
  /** What detachments leave to be done, by sandbox. */
  readonly #afterwork: Afterwork

  constructor(options: CniNetworkOptions) {
    this.#options = options
    this.#afterwork = new Afterwork(options.onError)
    // A program that starts anew for each pod would only print that it is experimental.
    enableNetlink()
    this.#records = new AttachmentRecords(join(options.dataDir, 'attachments'))
  }

  notReadyReason(): string | undefined {
    try {
      return readConfigList(this.#options.confDir) === undefined
        ? `no CNI configuration in ${this.#options.confDir} yet: the node has no pod range`
        : undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  async attach(request: AttachRequest): Promise<{ ips: string[] }> {
    return await this.#whileBusy(request.sandboxId, () => this.#attach(request))
  }

  async #attach(request: AttachRequest): Promise<{ ips: string[] }> {
    if (this.#afterwork.pendingTopics().has(request.sandboxId)) await this.#afterwork.settled()
    const known = await this.#records.read(request.sandboxId)
    if (known?.result !== undefined) return { ips: addressesOf(known.result) }
    if (known !== undefined) await this.#detach(request.sandboxId)
    const record = await this.#toRecord(request)
    await this.#records.write(record)
    try {
      const result = await addChain(record.config, this.#toCall(record))
      await this.#records.write({ ...record, result })
      return { ips: addressesOf(result) }
    } catch (error) {
      // The plugins before the one that failed have done their part: DEL takes it back.
      await this.#detach(request.sandboxId)
      throw error
    }
  }

  async detach(sandboxId: string): Promise<void> {
    await this.#whileBusy(sandboxId, () => this.#detach(sandboxId))
  }

  async #detach(sandboxId: string): Promise<void> {
    const record = await this.#records.read(sandboxId)
    if (record === undefined) return
    const later = (work: () => Promise<void>) => this.#afterwork.add(sandboxId, work)
    const { netns, ...call } = this.#toCall(record)
    // Plugins would clean what is another's by now.
    await delChain(record.config, (await hasNamespace(record)) ? { ...call, netns } : call, record.result, later)
    await this.#records.remove(sandboxId)
  }

  async check(sandboxId: string): Promise<void> {
    const record = await this.#records.read(sandboxId)
    if (record?.result === undefined) throw new Error(`sandbox ${sandboxId} is not attached to the pod network`)
    await checkChain(record.config, this.#toCall(record), record.result)
  }

  async attachments(): Promise<Map<string, { pod: PodIdentity; ips: string[] }>> {
    const records = await this.#records.list()
    return new Map(
      records.flatMap(({ sandboxId, args, result }) =>
        result === undefined ? [] : [[sandboxId, { pod: podOf(args), ips: addressesOf(result) }]],
      ),
    )
  }

  async verify(): Promise<Difference[]> {
    return await this.#comparing(true, async (repairs) => repairs.flatMap(({ differences }) => differences))
  }

  async repair(): Promise<void> {
    await this.#comparing(true, applyRepairs)
  }

  async mend(): Promise<void> {
    await this.#comparing(false, applyRepairs)
  }

  /**
   * Compares, and calls with what was found. What is attached or detached meanwhile is left alone: a link that is read now may be of
   * a sandbox that was on no record when the records were read.
   */
  async #comparing<T>(inside: boolean, work: (repairs: Repair[]) => Promise<T>): Promise<T> {
    const busyLinks = new Set([...this.#unsettled()].map(toHostLink))
    this.#comparisons.add(busyLinks)
    try {
      return await work(await this.#compare(inside, busyLinks))
    } finally {
      this.#comparisons.delete(busyLinks)
    }
  }

  async #compare(inside: boolean, busyLinks: Set<string>): Promise<Repair[]> {
    const records = await this.#records.list()
    const owned = records.filter(({ result }) => result !== undefined).flatMap((record) => this.#toAttachments(record))
    const bridges = new Map([[bridgeName, []], ...Map.groupBy(owned, ({ config }) => config.bridge)])
    const repairs: Repair[] = []
    for (const [bridge, wanted] of bridges)
      repairs.push(...(await compareAttachments({ bridge, wanted, busyLinks, inside })))
    return repairs
  }

  /** What each cbr of the record's chain has made; what other plugins make is theirs to check. */
  #toAttachments(record: AttachmentRecord): OwnedAttachment[] {
    const { namespace, name } = podOf(record.args)
    const addresses = addressesOf(record.result)
    return cbrConfigs(record.config, this.#toCall(record)).map((config) => ({
      ...planAttachment(config, this.#toCall(record), addresses),
      owner: `Pod ${namespace}/${name}`,
      ...(record.netnsInode && { netnsInode: record.netnsInode }),
    }))
  }

  /** Sandboxes of which the kernel may have less or more than the records say. */
  #unsettled(): Set<string> {
    return new Set([...this.#busy, ...this.#afterwork.pendingTopics()])
  }

  async #whileBusy<T>(sandboxId: string, work: () => Promise<T>): Promise<T> {
    this.#busy.add(sandboxId)
    for (const busyLinks of this.#comparisons) busyLinks.add(toHostLink(sandboxId))
    try {
      return await work()
    } finally {
      this.#busy.delete(sandboxId)
    }
  }

  async collectGarbage(liveSandboxIds: ReadonlySet<string>): Promise<void> {
    try {
      await this.#detachAllBut(liveSandboxIds)
    } finally {
      await this.#gc(liveSandboxIds)
      await this.#afterwork.settled()
    }
  }

  async #gc(liveSandboxIds: ReadonlySet<string>): Promise<void> {
    const config = readConfigList(this.#options.confDir)
    if (config !== undefined)
      await gcChain(
        config,
        [...liveSandboxIds].map((containerID) => ({ containerID, ifname })),
      )
  }

  /** What is on record goes by the configuration that it was made with, whatever is in the folder now. */
  async detachAll(): Promise<void> {
    await this.#detachAllBut(new Set())
    await this.#afterwork.settled()
  }

  /** One that fails keeps none of the others; then throws the first failure. */
  async #detachAllBut(liveSandboxIds: ReadonlySet<string>): Promise<void> {
    const records = await this.#records.list()
    const failures: unknown[] = []
    for (const { sandboxId } of records)
      if (!liveSandboxIds.has(sandboxId)) await this.detach(sandboxId).catch((error) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }

  async #toRecord({ sandboxId, pod, netns, portMappings, bandwidth = {} }: AttachRequest): Promise<AttachmentRecord> {
    const config = readConfigList(this.#options.confDir)
    if (config === undefined) throw new Error(`the pod network is not ready: ${this.notReadyReason()}`)
    const args = {
      K8S_POD_NAMESPACE: pod.namespace,
      K8S_POD_NAME: pod.name,
      K8S_POD_INFRA_CONTAINER_ID: sandboxId,
      K8S_POD_UID: pod.uid,
    }
    const capabilities = {
      ...(portMappings.length > 0 && { portMappings: portMappings.map(toMapping) }),
      ...(Object.keys(bandwidth).length > 0 && { bandwidth }),
    }
    const netnsInode = await readInode(netns)
    return { sandboxId, netns, ...(netnsInode && { netnsInode }), config, args, capabilities }
  }

  #toCall({ sandboxId, netns, args, capabilities }: AttachmentRecord): ChainCall & { netns: string } {
    return { containerId: sandboxId, netns, ifname, args, capabilities, binDirs: this.#options.binDirs }
  }
}

const toHostLink = (sandboxId: string) => hostLinkName(sandboxId, ifname)

/** In the words of the CNI conventions. */
function toMapping({ hostIp, ...mapping }: AttachRequest['portMappings'][number]) {
  return { ...mapping, ...(hostIp !== undefined && { hostIP: hostIp }) }
}

/** The inverse of what toRecord writes. */
function podOf(args: AttachmentRecord['args']): PodIdentity {
  const { K8S_POD_NAMESPACE: namespace = '', K8S_POD_NAME: name = '', K8S_POD_UID: uid = '' } = args
  return { namespace, name, uid }
}
