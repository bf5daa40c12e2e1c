// What Kubernetes fills into a pod spec, alone or in a template. Zero and empty text count as left out where Go's types
// cannot tell them apart. Source: the field descriptions of the API reference,
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/

import type { Container, Lifecycle, LifecycleHandler, PodSpec, Probe, Volume } from '../../generated/types.ts'
import { shortTagOf } from './image-reference.ts'

const defaultFileMode = 0o644
const tokenLifetimeSeconds = 3600

/** Fills in what the user left out. Idempotent. */
export function setPodSpecDefaults(spec: PodSpec): void {
  spec.restartPolicy ||= 'Always'
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.schedulerName ||= 'default-scheduler'
  spec.terminationGracePeriodSeconds ??= 30
  spec.securityContext ??= {}
  setServiceAccountAlias(spec)
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume)
  for (const container of containersOf(spec)) setContainerDefaults(container)
  if (spec.hostNetwork === true) setHostPorts(spec)
}

/** Every container of the spec that has an image: init, app and ephemeral ones. */
export function containersOf(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]
}

/** serviceAccount is the old name of serviceAccountName; both are kept equal. */
function setServiceAccountAlias(spec: PodSpec): void {
  const name = spec.serviceAccountName ?? spec.serviceAccount
  if (name === undefined) return
  spec.serviceAccountName = name
  spec.serviceAccount = name
}

function setContainerDefaults(container: Container): void {
  container.imagePullPolicy ||= shortTagOf(container.image ?? '') === 'latest' ? 'Always' : 'IfNotPresent'
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  container.resources ??= {}
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ??= 'v1'
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe])
    setProbeDefaults(probe)
  setLifecycleDefaults(container.lifecycle)
}

function setProbeDefaults(probe: Probe | undefined): void {
  if (probe === undefined) return
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  if (probe.grpc !== undefined) probe.grpc.service ??= ''
  setHandlerDefaults(probe)
}

function setLifecycleDefaults(lifecycle: Lifecycle | undefined): void {
  if (lifecycle?.postStart !== undefined) setHandlerDefaults(lifecycle.postStart)
  if (lifecycle?.preStop !== undefined) setHandlerDefaults(lifecycle.preStop)
}

function setHandlerDefaults({ httpGet }: Pick<LifecycleHandler, 'httpGet'>): void {
  if (httpGet === undefined) return
  httpGet.path ||= '/'
  httpGet.scheme ||= 'HTTP'
}

function setVolumeDefaults(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {}
  if (volume.hostPath !== undefined) volume.hostPath.type ??= ''
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (source !== undefined) source.defaultMode ??= defaultFileMode
  }
  setFieldRefDefaults(volume.downwardAPI)
  for (const { serviceAccountToken, downwardAPI } of volume.projected?.sources ?? []) {
    if (serviceAccountToken !== undefined) serviceAccountToken.expirationSeconds ??= tokenLifetimeSeconds
    setFieldRefDefaults(downwardAPI)
  }
}

function setFieldRefDefaults(source: Volume['downwardAPI']): void {
  for (const { fieldRef } of source?.items ?? []) {
    if (fieldRef !== undefined) fieldRef.apiVersion ??= 'v1'
  }
}

/** On the host's network, the port in the container is the port on the host. */
function setHostPorts(spec: PodSpec): void {
  for (const container of containersOf(spec)) {
    for (const port of container.ports ?? []) {
      if (port.containerPort !== undefined) port.hostPort ||= port.containerPort
    }
  }
}
