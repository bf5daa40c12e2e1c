// What pods' workers need, in memory, for tests: each replaces what it looks at.

import { join } from 'node:path'
import type { PodNetwork } from '../network/pod-network.ts'
import type { FakeRuntime } from '../runtime/fake-runtime.ts'
import type { ObjectSource } from '../volumes/objects.ts'
import { PodVolumes } from '../volumes/pod-volumes.ts'
import type { PodDependencies } from './dependencies.ts'
import { ImagePuller } from './image-puller.ts'
import { openGate } from './policy-gate.ts'

/** A cluster without objects and tokens. */
export const noObjects: ObjectSource = {
  configMap: async () => undefined,
  secret: async () => undefined,
  serviceAccountToken: () => Promise.reject(new Error('no tokens here')),
}

/** A network that gives every sandbox the same address. */
export const oneAddress: PodNetwork = {
  notReadyReason: () => undefined,
  attach: async () => ({ ips: ['10.244.0.2'] }),
  detach: async () => undefined,
  check: async () => undefined,
  mend: async () => undefined,
  attachments: async () => new Map(),
  collectGarbage: async () => undefined,
}

/** A node of two processors and 4 GiB that takes every pod. */
export function makeDependencies({
  dataDir,
  runtime,
  ...replaced
}: { dataDir: string; runtime: FakeRuntime } & Partial<PodDependencies>): PodDependencies {
  return {
    runtime,
    network: oneAddress,
    policy: openGate,
    volumes: new PodVolumes({ dataDir, objects: noObjects }),
    objects: noObjects,
    images: new ImagePuller({ runtime, now: Date.now }),
    statuses: { set: () => undefined, flush: async () => undefined, forget: () => undefined },
    node: {
      name: 'node-1',
      ip: '192.0.2.1',
      ips: ['192.0.2.1'],
      allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
      memoryBytes: 2 ** 32,
      dns: { clusterDomain: 'cluster.local', nodeResolvConf: 'nameserver 192.0.2.53\n' },
      cgroups: { root: '/', mountPoint: join(dataDir, 'cgroup') },
    },
    emit: () => undefined,
    serviceVariables: async () => new Map(),
    deletePod: async () => undefined,
    admit: () => undefined,
    onError: () => undefined,
    now: Date.now,
    ...replaced,
  }
}
