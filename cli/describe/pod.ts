// A pod in words: where it runs, its containers and how they fare.

import type {
  Container,
  ContainerState,
  ContainerStatus,
  EnvVar,
  Pod,
  Probe,
  Volume,
} from '../../api/generated/types.ts'
import { controllerOf, type Stored } from '../../api/objects/object.ts'
import { describeMeta } from './generic.ts'
import { listPairs, type Row } from './sheet.ts'

/** Rows of a Pod. */
export function describePod(pod: Stored<Pod>): Row[] {
  const { metadata, spec, status = {} } = pod
  const owner = controllerOf(pod)
  const isLeaving = metadata.deletionTimestamp !== undefined
  return [
    ...describeMeta(metadata),
    ['Priority', spec.priority ?? 0],
    ['Service Account', spec.serviceAccountName],
    ['Node', spec.nodeName === undefined ? '<none>' : `${spec.nodeName}/${status.hostIP ?? ''}`],
    ['Start Time', status.startTime],
    ['Status', isLeaving ? `Terminating (since ${metadata.deletionTimestamp})` : (status.phase ?? '')],
    ['Reason', status.reason],
    ['Message', status.message],
    ['IP', status.podIP ?? ''],
    ['IPs', (status.podIPs ?? []).map(({ ip }) => ip)],
    ['Controlled By', owner === undefined ? undefined : `${owner.kind}/${owner.name}`],
    ['Init Containers', describeContainers(spec.initContainers, status.initContainerStatuses)],
    ['Containers', describeContainers(spec.containers, status.containerStatuses)],
    ['Conditions', (status.conditions ?? []).map(({ type, status, reason }): Row => [type, join(status, reason)])],
    ['Volumes', (spec.volumes ?? []).map((volume): Row => [volume.name, describeVolume(volume)])],
    ['QoS Class', status.qosClass],
    ['Node-Selectors', listPairs(spec.nodeSelector)],
    ['Tolerations', (spec.tolerations ?? []).map(formatToleration)],
  ]
}

const join = (text: string, why: string | undefined) => (why === undefined ? text : `${text} (${why})`)

function describeContainers(containers: Container[] | undefined, statuses: ContainerStatus[] = []): Row[] | undefined {
  return containers?.map((container): Row => {
    const status = statuses.find(({ name }) => name === container.name)
    return [container.name, describeContainer(container, status)]
  })
}

function describeContainer(container: Container, status: ContainerStatus | undefined): Row[] {
  const { ports = [], resources = {}, env = [], volumeMounts = [] } = container
  const hostPorts = ports.filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
  return [
    ['Container ID', status?.containerID ?? ''],
    ['Image', container.image],
    ['Image ID', status?.imageID ?? ''],
    ['Ports', ports.map(({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`).join(', ')],
    ['Host Ports', hostPorts.map(({ hostPort, protocol = 'TCP' }) => `${hostPort}/${protocol}`).join(', ')],
    ['Command', container.command],
    ['Args', container.args],
    ...describeState('State', status?.state ?? {}),
    ...(Object.keys(status?.lastState ?? {}).length === 0 ? [] : describeState('Last State', status?.lastState ?? {})),
    ['Ready', status?.ready === true ? 'True' : 'False'],
    ['Restart Count', status?.restartCount ?? 0],
    ['Limits', pairsUnlessEmpty(resources.limits)],
    ['Requests', pairsUnlessEmpty(resources.requests)],
    ['Liveness', describeProbe(container.livenessProbe)],
    ['Readiness', describeProbe(container.readinessProbe)],
    ['Startup', describeProbe(container.startupProbe)],
    ['Environment', env.map(formatVariable)],
    [
      'Mounts',
      volumeMounts.map(({ name, mountPath, readOnly }) => `${mountPath} from ${name} (${readOnly ? 'ro' : 'rw'})`),
    ],
  ]
}

const pairsUnlessEmpty = (pairs: Record<string, string> | undefined) =>
  pairs === undefined ? undefined : listPairs(pairs, ': ')

function describeState(label: string, { running, waiting, terminated }: ContainerState): Row[] {
  if (running !== undefined)
    return [
      [label, 'Running'],
      ['  Started', running.startedAt],
    ]
  if (terminated !== undefined) {
    const { reason, message, exitCode, startedAt, finishedAt } = terminated
    return [
      [label, 'Terminated'],
      ['  Reason', reason],
      ['  Message', message],
      ['  Exit Code', exitCode],
      ['  Started', startedAt],
      ['  Finished', finishedAt],
    ]
  }
  return [
    [label, 'Waiting'],
    ['  Reason', waiting?.reason],
    ['  Message', waiting?.message],
  ]
}

function describeProbe(probe: Probe | undefined): string | undefined {
  if (probe === undefined) return undefined
  const { exec, httpGet, tcpSocket, grpc } = probe
  const action =
    exec !== undefined
      ? `exec [${(exec.command ?? []).join(' ')}]`
      : httpGet !== undefined
        ? `http-get ${(httpGet.scheme ?? 'HTTP').toLowerCase()}://${httpGet.host ?? ''}:${httpGet.port}${httpGet.path ?? '/'}`
        : `${tcpSocket === undefined ? 'grpc' : 'tcp-socket'} :${tcpSocket?.port ?? grpc?.port ?? ''}`
  const {
    initialDelaySeconds = 0,
    timeoutSeconds = 1,
    periodSeconds = 10,
    successThreshold = 1,
    failureThreshold = 3,
  } = probe
  return `${action} delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s #success=${successThreshold} #failure=${failureThreshold}`
}

function formatVariable({ name, value = '', valueFrom }: EnvVar): string {
  const { fieldRef, configMapKeyRef, secretKeyRef, resourceFieldRef } = valueFrom ?? {}
  if (fieldRef !== undefined) return `${name}: (${fieldRef.apiVersion ?? 'v1'}:${fieldRef.fieldPath})`
  if (configMapKeyRef !== undefined)
    return `${name}: <set to the key '${configMapKeyRef.key}' of config map '${configMapKeyRef.name}'>`
  if (secretKeyRef !== undefined)
    return `${name}: <set to the key '${secretKeyRef.key}' in secret '${secretKeyRef.name}'>`
  return `${name}: ${resourceFieldRef === undefined ? value : `(${resourceFieldRef.resource})`}`
}

function describeVolume({ name: _, ...sources }: Volume): string {
  const [kind = '', source = {}] = Object.entries(sources)[0] ?? []
  const names: unknown = Reflect.get(source, 'name') ?? Reflect.get(source, 'secretName') ?? Reflect.get(source, 'path')
  return typeof names === 'string' ? `${kind} ${names}` : kind
}

function formatToleration({
  key = '',
  operator,
  value = '',
  effect,
  tolerationSeconds,
}: NonNullable<Stored<Pod>['spec']['tolerations']>[0]) {
  const equals = value === '' ? '' : `=${value}`
  const tail = tolerationSeconds === undefined ? '' : ` for ${tolerationSeconds}s`
  return `${key}${equals}${effect === undefined ? '' : `:${effect}`}${operator === 'Exists' ? ' op=Exists' : ''}${tail}`
}
