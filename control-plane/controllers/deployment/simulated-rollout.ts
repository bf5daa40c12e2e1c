// Plays replica set controller, scheduler and agents to the deployment planner, in memory, for tests of whole rollouts.

import type { Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { sizeAnnotations } from './annotations.ts'
import { planDeployment } from './plan.ts'
import { toFamily } from './replica-sets.ts'
import { sizeOf } from './rolling-update.ts'
import { makeStatus } from './status.ts'

const stored = (name: string, resourceVersion: number) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: String(resourceVersion),
  creationTimestamp: new Date(resourceVersion * 1000).toISOString(),
  generation: 1,
})

/** One deployment's rollout. Pods become available only when available() says so. */
export class SimulatedRollout {
  deployment: Stored<Deployment>
  replicaSets: Stored<ReplicaSet>[] = []
  nowMs = 0
  readonly trace: string[] = []
  #clock = 1

  constructor(spec: Partial<DeploymentSpec>) {
    this.deployment = {
      metadata: { ...stored('web', 0), uid: 'deployment' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: template('v1'),
        progressDeadlineSeconds: 600,
        ...spec,
      },
    }
  }

  /** A user changes the deployment. */
  change(spec: Partial<DeploymentSpec>, annotations: Record<string, string> = {}): void {
    const { metadata } = this.deployment
    const generation = (metadata.generation ?? 0) + 1
    this.deployment = {
      ...this.deployment,
      metadata: { ...metadata, generation, annotations: { ...metadata.annotations, ...annotations } },
      spec: { ...this.deployment.spec, ...spec },
    }
  }

  /** Plans and acts until nothing is left to do without new pods becoming available. */
  settle(): void {
    for (let round = 0; round < 100; round++) {
      const before = JSON.stringify([this.replicaSets, this.deployment.status])
      this.#step()
      if (JSON.stringify([this.replicaSets, this.deployment.status]) === before) return
    }
    throw new Error(`the rollout does not come to rest:\n${this.trace.join('\n')}`)
  }

  /** So many pods of the version are up; those that are not wanted are ended. */
  available(image: string, count: number): void {
    this.#edit(image, (set) => ({
      ...set.status,
      replicas: sizeOf(set),
      availableReplicas: count,
      readyReplicas: count,
    }))
  }

  /** All pods that are asked for are up. */
  allAvailable(): void {
    for (const set of this.replicaSets) this.available(imageOf(set), sizeOf(set))
  }

  /** Replicas asked for, by version. */
  get sizes(): Record<string, number> {
    return Object.fromEntries(this.replicaSets.map((set) => [imageOf(set), sizeOf(set)]))
  }

  get status(): DeploymentStatus {
    return this.deployment.status ?? {}
  }

  get progressing(): string {
    const found = this.status.conditions?.find(({ type }) => type === 'Progressing')
    return `${found?.status} ${found?.reason}`
  }

  #step(): void {
    const hasOldPods = toFamily(this.deployment, this.replicaSets).old.some(({ status }) => (status?.replicas ?? 0) > 0)
    const plan = planDeployment(this.deployment, toFamily(this.deployment, this.replicaSets), hasOldPods)
    let created: string | undefined
    for (const action of plan.actions) {
      if (action.type === 'create') created = this.#create(action.replicaSet)
      else if (action.type === 'scale') this.#scale(action.replicaSet, action.replicas)
      else if (action.type === 'update') this.#replace(action.replicaSet, action.replicaSet)
      else this.#remove(action.replicaSet)
    }
    const family = toFamily(this.deployment, this.replicaSets)
    const happening =
      created === undefined ? ({ type: 'none' } as const) : ({ type: 'created', name: created } as const)
    const observation = { family, judgesProgress: plan.judgesProgress, happening, nowMs: this.nowMs }
    this.deployment = { ...this.deployment, status: makeStatus(this.deployment, observation) }
  }

  #create({ metadata, spec }: ReplicaSet): string {
    const name = metadata?.name ?? ''
    if (spec === undefined) throw new Error('a replica set without a spec')
    const image = spec.template?.spec?.containers[0]?.image ?? ''
    this.replicaSets.push({
      metadata: { ...metadata, ...stored(name, this.#clock++) },
      spec,
      status: { replicas: 0, observedGeneration: 1 },
    })
    this.trace.push(`create ${image} with ${spec.replicas}`)
    return name
  }

  /** Pods that are not up go first, as the replica set controller has it. */
  #scale(set: Stored<ReplicaSet>, replicas: number): void {
    const available = Math.min(set.status?.availableReplicas ?? 0, replicas)
    const annotations = { ...set.metadata.annotations, ...sizeAnnotations(this.deployment) }
    if (replicas !== sizeOf(set)) this.trace.push(`scale ${imageOf(set)} from ${sizeOf(set)} to ${replicas}`)
    this.#replace(set, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas },
      status: { ...set.status, replicas, availableReplicas: available, readyReplicas: available },
    })
  }

  #remove(set: Stored<ReplicaSet>): void {
    this.trace.push(`delete ${imageOf(set)}`)
    this.replicaSets = this.replicaSets.filter(({ metadata }) => metadata.name !== set.metadata.name)
  }

  #edit(image: string, makeStatus: (set: Stored<ReplicaSet>) => Stored<ReplicaSet>['status']): void {
    for (const set of this.replicaSets.filter((each) => imageOf(each) === image)) {
      this.#replace(set, { ...set, status: makeStatus(set) })
    }
  }

  #replace({ metadata }: Stored<ReplicaSet>, by: Stored<ReplicaSet>): void {
    this.replicaSets = this.replicaSets.map((set) => (set.metadata.name === metadata.name ? by : set))
  }
}

/** A pod template of this version. */
export const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image }] },
})

const imageOf = ({ spec }: Stored<ReplicaSet>) => spec.template?.spec?.containers[0]?.image ?? ''
