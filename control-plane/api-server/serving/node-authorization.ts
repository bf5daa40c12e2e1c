// What an agent may do: read what pods and the proxy are made of, write its own node, its own lease, and the status of the
// pods that are bound to it. Reading is not limited to its own pods' ConfigMaps and Secrets.
// https://kubernetes.io/docs/reference/access-authn-authz/node/

import type { ResourceAttributes } from './request-attributes.ts'

/** What the rules must know about the cluster. */
export interface NodeRules {
  /** Name of the node that the pod is bound to; undefined for no pod or no node. */
  nodeOfPod(namespace: string, pod: string): Promise<string | undefined>
}

const reading = new Set(['get', 'list', 'watch'])
const writing = new Set(['update', 'patch'])
const leaseNamespace = 'kube-node-lease'

/** Kinds that agents read, as "resource" or "resource.group". */
const readable = new Set([
  'configmaps',
  'endpoints',
  'endpointslices.discovery.k8s.io',
  'events',
  'namespaces',
  'networkpolicies.networking.k8s.io',
  'nodes',
  'pods',
  'secrets',
  'serviceaccounts',
  'services',
])

export async function nodeMay(
  node: string,
  attributes: ResourceAttributes,
  body: Uint8Array,
  rules: NodeRules,
): Promise<boolean> {
  const { verb, group, resource, subresource } = attributes
  const kind = group === '' ? resource : `${resource}.${group}`
  if (reading.has(verb) && subresource === '' && readable.has(kind)) return true
  switch (kind) {
    case 'nodes':
      return mayWriteNode(node, attributes, body)
    case 'pods':
      return await mayWritePod(node, attributes, rules)
    case 'serviceaccounts':
      return await mayRequestToken(node, attributes, body, rules)
    case 'leases.coordination.k8s.io':
      return mayUseLease(node, attributes, body)
    case 'events':
    case 'events.events.k8s.io':
      return subresource === '' && (verb === 'create' || writing.has(verb))
    default:
      return false
  }
}

function mayWriteNode(node: string, { verb, subresource, name }: ResourceAttributes, body: Uint8Array): boolean {
  if (verb === 'create') return subresource === '' && nameIn(body) === node
  return writing.has(verb) && name === node && (subresource === '' || subresource === 'status')
}

async function mayWritePod(
  node: string,
  { verb, namespace, name, subresource }: ResourceAttributes,
  rules: NodeRules,
): Promise<boolean> {
  const isStatus = subresource === 'status' && (writing.has(verb) || verb === 'get')
  const isDeletion = subresource === '' && verb === 'delete'
  return (isStatus || isDeletion) && (await rules.nodeOfPod(namespace, name)) === node
}

/** A token that ends with a pod that runs there; whether the pod has that service account is looked at when it is made. */
async function mayRequestToken(
  node: string,
  { verb, namespace, subresource }: ResourceAttributes,
  body: Uint8Array,
  rules: NodeRules,
): Promise<boolean> {
  if (verb !== 'create' || subresource !== 'token') return false
  const { kind, name, uid } = boundObjectIn(body) ?? {}
  if (kind !== 'Pod' || typeof name !== 'string' || typeof uid !== 'string' || uid === '') return false
  return (await rules.nodeOfPod(namespace, name)) === node
}

function mayUseLease(
  node: string,
  { verb, namespace, name, subresource }: ResourceAttributes,
  body: Uint8Array,
): boolean {
  if (namespace !== leaseNamespace || subresource !== '') return false
  if (verb === 'create') return nameIn(body) === node
  return name === node && (verb === 'get' || writing.has(verb))
}

/** metadata.name of an object in JSON; undefined if it is none. */
function nameIn(body: Uint8Array): unknown {
  return parse(body)?.metadata?.name
}

function boundObjectIn(body: Uint8Array): Partial<Record<'kind' | 'name' | 'uid', unknown>> | undefined {
  return parse(body)?.spec?.boundObjectRef ?? undefined
}

interface Outline {
  metadata?: { name?: unknown }
  spec?: { boundObjectRef?: Partial<Record<'kind' | 'name' | 'uid', unknown>> | null }
}

function parse(body: Uint8Array): Outline | undefined {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8')) ?? undefined
  } catch {
    return undefined // not JSON: agents speak nothing else
  }
}
