// Keeps an agent to its own node: what it may write at all is the node authorizer's, whose object it is is seen here.
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction

import { isDeepStrictEqual } from 'node:util'
import type { AuthenticationTokenRequest, Lease, Node, Pod } from '../../../api/generated/types.ts'
import { forbidden } from '../../../api/objects/status-error.ts'
import { isRestrictedLabel } from '../../../api/resources/node-rules.ts'
import { pods } from '../../../api/resources/pods.ts'
import { nodeNameOf } from '../authorization/node-authorizer.ts'
import type { Admission, AdmissionRequest, ClusterReader } from './admission.ts'

export const nodeRestriction: Admission = {
  name: 'NodeRestriction',
  async admit(request, cluster) {
    const node = nodeNameOf(request.user)
    if (node === undefined) return
    const why = await whyNot(node, request, cluster)
    if (why !== undefined) throw forbidden(request.resource, request.name, why)
  },
}

/** Why the node may not make this write; undefined if it may. */
function whyNot(
  node: string,
  request: AdmissionRequest,
  cluster: ClusterReader,
): string | undefined | Promise<string | undefined> {
  const { group, plural } = request.resource
  switch (group === '' ? plural : `${plural}.${group}`) {
    case 'pods':
      return whyNotPod(node, request, cluster)
    case 'nodes':
      return whyNotNode(node, request)
    case 'serviceaccounts':
      return whyNotToken(node, request, cluster)
    case 'leases.coordination.k8s.io':
      return whyNotLease(node, request)
    default:
      return undefined
  }
}

async function whyNotPod(node: string, request: AdmissionRequest, cluster: ClusterReader) {
  const { verb, subresource, namespace, name } = request
  const pod: Pod | undefined = request.old ?? (await cluster.find(pods, { namespace, name }))
  const isOwn = pod === undefined || pod.spec?.nodeName === node
  if (subresource === '' && verb === 'create') return `node "${node}" can only create mirror pods`
  const what =
    subresource === 'status'
      ? 'update pod status for'
      : subresource === 'eviction'
        ? 'evict'
        : verb === 'delete'
          ? 'delete'
          : 'change'
  return isOwn ? undefined : `node "${node}" can only ${what} pods with spec.nodeName set to itself`
}

/**
 * An owner that is not there would have the garbage collector delete the node, which might come back without its taints.
 * Pods' ranges are given to it: the other nodes lead there whatever it says.
 */
function whyNotNode(node: string, { name, object, old }: AdmissionRequest): string | undefined {
  if (name !== node) return `node "${node}" is not allowed to modify node "${name}"`
  const now: Node | undefined = object
  const before: Node | undefined = old
  const changed = changedLabels(before?.metadata?.labels, now?.metadata?.labels).filter(isRestrictedLabel)
  if (changed.length > 0) return `is not allowed to modify labels: ${changed.join(', ')}`
  const owners = ({ metadata }: Node = {}) => metadata?.ownerReferences ?? []
  if (!isDeepStrictEqual(owners(before), owners(now))) return `node "${node}" is not allowed to modify ownerReferences`
  if (!isDeepStrictEqual(podRangesOf(before), podRangesOf(now)))
    return `node "${node}" is not allowed to modify podCIDRs`
  const sameTaints = isDeepStrictEqual(before?.spec?.taints ?? [], now?.spec?.taints ?? [])
  return before === undefined || sameTaints ? undefined : `node "${node}" is not allowed to modify taints`
}

function podRangesOf({ spec }: Node = {}): string[] {
  return spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : [])
}

function changedLabels(before: Record<string, string> = {}, now: Record<string, string> = {}): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(now)])
  return [...keys].filter((key) => before[key] !== now[key]).sort()
}

/** A token ends with a pod that runs there; that the pod has this account is looked at when the token is made. */
async function whyNotToken(node: string, { namespace, subresource, object }: AdmissionRequest, cluster: ClusterReader) {
  if (subresource !== 'token') return undefined
  const { spec }: AuthenticationTokenRequest = (object ?? {}) as AuthenticationTokenRequest
  const { kind, name = '', uid = '' } = spec?.boundObjectRef ?? {}
  if (kind !== 'Pod' || name === '') return 'node requested token not bound to a pod'
  if (uid === '') return 'node requested token with a pod binding without a uid'
  const pod: Pod | undefined = await cluster.find(pods, { namespace, name })
  return pod?.spec?.nodeName === node ? undefined : 'node requested token bound to a pod scheduled on a different node'
}

function whyNotLease(node: string, { verb, object, name }: AdmissionRequest): string | undefined {
  const lease: Lease | undefined = object
  const own = verb === 'create' ? lease?.metadata?.name : name
  return own === node ? undefined : 'can only access node lease with the same name as the requesting node'
}
