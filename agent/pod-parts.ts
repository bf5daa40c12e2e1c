// The parts that run this node's pods, and tell the cluster of them.

import { readFileSync } from 'node:fs'
import type { Client } from '../api/client/client.ts'
import type { EventRecorder } from '../api/client/event-recorder.ts'
import { ignore, isConflict, isNotFound } from '../api/objects/status-error.ts'
import { pods } from '../api/resources/pods.ts'
import { Evictor } from './eviction/evictor.ts'
import type { Foundation } from './foundation.ts'
import type { NetworkParts } from './network-parts.ts'
import { makeCapacity } from './node/node-status.ts'
import { refusePod } from './pods/admission.ts'
import type { PodCgroups } from './pods/cgroups.ts'
import type { EmitEvent, PodDependencies } from './pods/dependencies.ts'
import { ImagePuller } from './pods/image-puller.ts'
import type { StoredPod } from './pods/pod.ts'
import { PodManager } from './pods/pod-manager.ts'
import { openGate } from './pods/policy-gate.ts'
import { serviceEnvironment } from './pods/service-environment.ts'
import { StatusWriter } from './pods/status-writer.ts'
import { WatchedObjects } from './pods/watched-objects.ts'
import { PodVolumes } from './volumes/pod-volumes.ts'

export class PodParts {
  readonly manager: PodManager
  readonly #evictor: Evictor
  readonly #objects: WatchedObjects
  readonly #statuses: StatusWriter

  constructor(base: Foundation, networkParts: Pick<NetworkParts, 'network' | 'policies'>) {
    const { options, client, pressure, report } = base
    this.#objects = new WatchedObjects({
      client,
      now: Date.now,
      onChange: (reference) => this.manager.objectChanged(reference),
      onError: report('objects'),
    })
    this.#statuses = new StatusWriter({ client, onError: report('status') })
    this.#evictor = new Evictor({
      pressure,
      cgroups: cgroupsOf(options),
      pods: () => this.manager.list(),
      evict: (pod, why) => this.manager.evict(pod, why),
      onError: report('eviction'),
    })
    this.manager = new PodManager({
      client,
      nodeName: options.nodeName,
      deps: this.#makeDependencies(base, networkParts),
      onSweep: (here) => this.#objects.retain(here),
      onError: report('pods'),
    })
  }

  /** Runs the pods until the signal aborts; they go on running then. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.manager.run(signal), this.#evictor.run(signal)])
    this.#statuses.close()
    this.#objects.close()
  }

  #makeDependencies(
    base: Foundation,
    { network, policies }: Pick<NetworkParts, 'network' | 'policies'>,
  ): PodDependencies {
    const { options, client, recorder, runtime, view, machine, log } = base
    const [objects, now] = [this.#objects, Date.now]
    const allocatable = makeCapacity(machine, options.maxPods)
    return {
      runtime,
      network,
      policy: policies ?? openGate,
      volumes: new PodVolumes({ dataDir: options.dataDir, objects }),
      objects,
      images: new ImagePuller({ runtime, now }),
      statuses: this.#statuses,
      node: describeNode(base, allocatable),
      emit: toEmit(recorder),
      serviceVariables: async (pod) => {
        await view.services.synced
        return serviceEnvironment(pod, view.services.list())
      },
      deletePod: (pod) => deletePod(client, pod),
      admit: (pod) => this.#evictor.refuse(pod) ?? refusePod(pod, this.manager.taken(), allocatable),
      onError: (error, { metadata }) =>
        log.warn({ part: 'pods', pod: `${metadata.namespace}/${metadata.name}`, err: error }),
      now,
    }
  }
}

function describeNode(
  { options, machine }: Foundation,
  allocatable: PodDependencies['node']['allocatable'],
): PodDependencies['node'] {
  return {
    name: options.nodeName,
    ip: options.nodeIp,
    ips: options.nodeIps,
    allocatable,
    memoryBytes: machine.memoryBytes,
    dns: {
      ...(options.clusterDns && { clusterDns: options.clusterDns }),
      clusterDomain: options.clusterDomain,
      nodeResolvConf: readFileSync(options.resolvConf, 'utf8'),
    },
    cgroups: cgroupsOf(options),
  }
}

function cgroupsOf({ cgroupRoot }: Foundation['options']): PodCgroups {
  return { root: cgroupRoot, mountPoint: '/sys/fs/cgroup' }
}

function toEmit(recorder: EventRecorder): EmitEvent {
  return (pod, { type, reason, message, container }) =>
    recorder.event({ apiVersion: 'v1', kind: 'Pod', ...pod }, type, reason, message, fieldPathOf(pod, container))
}

function fieldPathOf({ spec }: StoredPod, container: string | undefined): string | undefined {
  if (container === undefined) return undefined
  const isInit = spec.initContainers?.some(({ name }) => name === container) === true
  return `spec.${isInit ? 'initContainers' : 'containers'}{${container}}`
}

/** The last word on a deleted pod: nothing of it is left here. */
async function deletePod(client: Client, { metadata }: StoredPod): Promise<void> {
  const { namespace, name, uid } = metadata
  const options = { gracePeriodSeconds: 0, preconditions: { uid } }
  // Gone already, or another pod of that name by now.
  await client.delete(pods, { namespace, name }, options).catch(ignore(isNotFound, isConflict))
}
