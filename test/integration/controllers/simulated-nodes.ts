// Plays scheduler and agents: binds pods, reports them ready, ends those that are deleted. Nodes can fall silent.

import type { Client } from '../../../api/client/client.ts'
import { Informer } from '../../../api/client/informer.ts'
import { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Node, Pod } from '../../../api/generated/types.ts'
import { type Stored, toKey } from '../../../api/objects/object.ts'
import { isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { leases } from '../../../api/resources/leases.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'

const statusDoor = { subresource: 'status' }
const mergePatch = 'application/merge-patch+json'

export class SimulatedNodes {
  readonly #client: Client
  readonly #names: string[]
  readonly #silent = new Set<string>()
  readonly #pods: Informer<Pod>
  readonly #queue: WorkQueue
  #count = 0
  /** Pods with this image never become ready. */
  brokenImage = 'broken'

  constructor(client: Client, names: string[]) {
    this.#client = client
    this.#names = names
    this.#pods = new Informer(client, pods)
    this.#queue = new WorkQueue((key) => this.#reconcile(key), {
      workers: 8,
      onError: (error) => {
        if (!isConflict(error) && !isNotFound(error)) throw error
      },
    })
    this.#pods.onChange(({ object }) => object && this.#queue.add(toKey(object)))
  }

  /** Registers the nodes and runs them until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (const name of this.#names) await this.#register(name)
    const timer = setInterval(() => void this.beat(), 100)
    await Promise.all([this.#pods.run(signal), this.#queue.run(signal)])
    clearInterval(timer)
  }

  /** The node says nothing more and does nothing more. */
  silence(name: string): void {
    this.#silent.add(name)
  }

  /** Renews the leases of all nodes that are not silent. */
  async beat(): Promise<void> {
    const renewTime = new Date().toISOString().replace('Z', '000Z')
    for (const name of this.#names.filter((each) => !this.#silent.has(each))) {
      const patch = { spec: { renewTime } }
      await this.#client.patch(leases, { namespace: 'kube-node-lease', name }, mergePatch, patch).catch(() => {
        // The server is being stopped, or is not up yet: the next beat tells.
      })
    }
  }

  async #register(name: string): Promise<void> {
    const node: Node = { metadata: { name }, spec: {} }
    await this.#client.create(nodes, node)
    await this.#client.create(leases, {
      metadata: { namespace: 'kube-node-lease', name },
      spec: { holderIdentity: name, leaseDurationSeconds: 40 },
    })
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now() }]
    await this.#client.patch(nodes, { name }, mergePatch, { status: { conditions } }, statusDoor)
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#pods.get(key)
    if (pod === undefined || this.#silent.has(pod.spec.nodeName ?? '')) return
    if ((pod.spec.nodeName ?? '') === '') await this.#bind(pod)
    else if (pod.metadata.deletionTimestamp !== undefined) await this.#end(pod)
    else if (pod.status?.podIP === undefined) await this.#start(pod)
  }

  async #bind({ metadata }: Stored<Pod>): Promise<void> {
    const awake = this.#names.filter((name) => !this.#silent.has(name))
    const name = awake[this.#count++ % awake.length]
    const target = { apiVersion: 'v1', kind: 'Node', name }
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: metadata.name }, target }
    await this.#client.createSubresource(pods, metadata, 'binding', binding)
  }

  async #start({ metadata, spec }: Stored<Pod>): Promise<void> {
    const podIP = `10.200.${this.#count >> 8}.${this.#count++ & 255}`
    const isReady = spec.containers[0]?.image !== this.brokenImage
    const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: now() }]
    const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], startTime: now(), conditions }
    await this.#client.patch(pods, metadata, mergePatch, { status }, statusDoor)
  }

  async #end({ metadata }: Stored<Pod>): Promise<void> {
    await this.#client.delete(pods, metadata, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } })
  }
}

const now = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z')
