// Writes on Nodes what the provider knows of their machines, lets nodes that wait for that begin, and removes the Nodes of
// machines that are no more.
// https://kubernetes.io/docs/concepts/architecture/cloud-controller/#node-controller

import type { WorkQueue } from '../../../api/client/work-queue.ts'
import type { Node } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { ignore, isNotFound } from '../../../api/objects/status-error.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { type Controller, type ControllerContext, type Events, makeQueue } from '../controller.ts'
import { isSame } from '../same.ts'
import type { Instance, Instances } from './provider.ts'

/** An agent that is told of a provider registers its node with it, so that no pod comes before the facts are there. */
const uninitialized = 'node.cloudprovider.kubernetes.io/uninitialized'

export class CloudNodeController implements Controller {
  readonly #context: ControllerContext
  readonly #instances: Instances
  readonly #events: Events
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, instances: Instances) {
    this.#context = context
    this.#instances = instances
    this.#events = context.eventsOf('cloud-node-controller')
    this.#queue = makeQueue('cloud node', context.log, (key) => this.reconcile(key))
    context.view.nodes.onChange(({ object }) => {
      if (object !== undefined && (!isKnown(object) || !isReady(object))) this.#queue.add(object.metadata.name)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal)
  }

  /** Initializes one node, or removes it when its machine is gone. */
  async reconcile(name: string): Promise<void> {
    const node = this.#context.view.nodes.get(name)
    if (node === undefined) return
    const instance = await this.#instances.describe(node)
    if (instance !== undefined) await this.#initialize(node, instance)
    // A node that is Ready runs, whatever the provider says.
    else if (!isReady(node)) await this.#remove(node)
  }

  async #initialize(node: Stored<Node>, instance: Instance): Promise<void> {
    const labels = labelsOf(instance)
    const taints = node.spec.taints ?? []
    const remaining = taints.filter(({ key }) => key !== uninitialized)
    const isDone =
      node.spec.providerID === instance.providerId &&
      remaining.length === taints.length &&
      Object.entries(labels).every(([key, value]) => node.metadata.labels?.[key] === value)
    if (isDone) return
    const { uid, resourceVersion } = node.metadata
    await this.#context.client.patch(nodes, node.metadata, 'application/merge-patch+json', {
      metadata: { uid, resourceVersion, labels },
      spec: {
        providerID: instance.providerId,
        ...(!isSame(taints, remaining) && { taints: remaining.length > 0 ? remaining : null }),
      },
    })
  }

  async #remove(node: Stored<Node>): Promise<void> {
    const { name, uid } = node.metadata
    this.#events.event(nodes, node, 'Normal', 'DeletingNode', `Deleting node ${name} because its machine is gone`)
    await this.#context.client.delete(nodes, { name }, { preconditions: { uid } }).catch(ignore(isNotFound))
  }
}

function labelsOf({ zone, region, instanceType }: Instance): Record<string, string> {
  return {
    ...(zone !== undefined && { 'topology.kubernetes.io/zone': zone }),
    ...(region !== undefined && { 'topology.kubernetes.io/region': region }),
    ...(instanceType !== undefined && { 'node.kubernetes.io/instance-type': instanceType }),
  }
}

function isKnown({ spec }: Stored<Node>): boolean {
  return spec.providerID !== undefined && !(spec.taints ?? []).some(({ key }) => key === uninitialized)
}

function isReady({ status }: Stored<Node>): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
}
