// Deployments, ReplicaSets and Services in words.

import type { Deployment, EndpointSlice, PodTemplateSpec, ReplicaSet, Service } from '../../api/generated/types.ts'
import { controllerOf, type Stored } from '../../api/objects/object.ts'
import { toSelector } from '../../api/objects/selectors.ts'
import { describeMeta } from './generic.ts'
import { listPairs, type Row } from './sheet.ts'

/** Rows of a Deployment and its ReplicaSets. */
export function describeDeployment(deployment: Stored<Deployment>, replicaSets: readonly Stored<ReplicaSet>[]): Row[] {
  const { metadata, spec, status = {} } = deployment
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, unavailableReplicas = 0 } = status
  const { maxUnavailable = '', maxSurge = '' } = spec.strategy?.rollingUpdate ?? {}
  const own = replicaSets.filter((replicaSet) => controllerOf(replicaSet)?.uid === metadata.uid)
  return [
    ...describeMeta(metadata),
    ['CreationTimestamp', metadata.creationTimestamp],
    ['Selector', toSelector(spec.selector).toString()],
    [
      'Replicas',
      `${spec.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total | ${availableReplicas} available | ${unavailableReplicas} unavailable`,
    ],
    ['StrategyType', spec.strategy?.type],
    ['MinReadySeconds', spec.minReadySeconds ?? 0],
    ['RollingUpdateStrategy', `${maxUnavailable} max unavailable, ${maxSurge} max surge`],
    ['Pod Template', describeTemplate(spec.template)],
    [
      'Conditions',
      (status.conditions ?? []).map(({ type, status, reason = '' }): Row => [type, `${status} ${reason}`]),
    ],
    [
      'ReplicaSets',
      own.map(
        ({ metadata, spec, status }) =>
          `${metadata.name} (${status?.replicas ?? 0}/${spec.replicas ?? 0} replicas created)`,
      ),
    ],
  ]
}

/** Rows of a ReplicaSet. */
export function describeReplicaSet(replicaSet: Stored<ReplicaSet>): Row[] {
  const { metadata, spec, status } = replicaSet
  const owner = controllerOf(replicaSet)
  return [
    ...describeMeta(metadata),
    ['Selector', toSelector(spec.selector).toString()],
    ['Controlled By', owner === undefined ? undefined : `${owner.kind}/${owner.name}`],
    ['Replicas', `${status?.replicas ?? 0} current / ${spec.replicas ?? 1} desired`],
    ['Ready', `${status?.readyReplicas ?? 0}`],
    ['Pod Template', describeTemplate(spec.template)],
  ]
}

function describeTemplate(template: PodTemplateSpec | undefined): Row[] {
  const containers = (template?.spec?.containers ?? []).map(
    ({ name, image, ports = [], command, args }): Row => [
      name,
      [
        ['Image', image],
        ['Ports', ports.map(({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`).join(', ')],
        ['Command', command],
        ['Args', args],
      ],
    ],
  )
  return [
    ['Labels', listPairs(template?.metadata?.labels)],
    ['Containers', containers],
  ]
}

/** Rows of a Service and the endpoints behind it. */
export function describeService(
  { metadata, spec, status }: Stored<Service>,
  slices: readonly Stored<EndpointSlice>[],
): Row[] {
  const ports = (spec.ports ?? []).flatMap(({ name, port, protocol = 'TCP', targetPort, nodePort }): Row[] => [
    ['Port', `${name ?? '<unset>'}  ${port}/${protocol}`],
    ['TargetPort', `${targetPort ?? port}/${protocol}`],
    ['NodePort', nodePort === undefined ? undefined : `${name ?? '<unset>'}  ${nodePort}/${protocol}`],
    ['Endpoints', listEndpoints(slices, name ?? '')],
  ])
  return [
    ...describeMeta(metadata),
    ['Selector', listPairs(spec.selector).join(',')],
    ['Type', spec.type],
    ['IP Families', spec.ipFamilies?.join(',')],
    ['IP', spec.clusterIP ?? ''],
    ['IPs', spec.clusterIPs?.join(',')],
    ['External IPs', spec.externalIPs?.join(',')],
    ['LoadBalancer Ingress', status?.loadBalancer?.ingress?.map(({ ip, hostname }) => ip ?? hostname ?? '').join(',')],
    ...ports,
    ['Session Affinity', spec.sessionAffinity],
    ['Internal Traffic Policy', spec.internalTrafficPolicy],
    ['External Traffic Policy', spec.externalTrafficPolicy],
  ]
}

function listEndpoints(slices: readonly Stored<EndpointSlice>[], portName: string): string {
  const all = slices.flatMap(({ endpoints = [], ports = [] }) => {
    const port = ports?.find(({ name = '' }) => name === portName)?.port
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
    return ready.flatMap(({ addresses }) => addresses.map((address) => `${address}:${port ?? ''}`))
  })
  return all.length <= 3 ? all.join(',') : `${all.slice(0, 3).join(',')} + ${all.length - 3} more...`
}
