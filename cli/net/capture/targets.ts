// What a person wants to see, found in the cluster: whose packets, and where to look for them.

import type { ServicePort } from '../../../api/generated/types.ts'
import { endpointSlices } from '../../../api/resources/endpoint-slices.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { services } from '../../../api/resources/services.ts'
import type { Session } from '../../session.ts'
import { findEnd } from '../ends.ts'
import type { Scope } from './filter.ts'

export interface Target {
  title: string
  /** Nodes whose own links are looked at. */
  nodes: string[]
  /** Pods whose links are looked at; "namespace/name". */
  pods: { node: string; pod: string }[]
  scope: Scope
}

/** A Service may have thousands of pods: so many of them are looked at; packets of the others are seen on the nodes' links. */
const podLimit = 16

/** Reads NAME or pod/NAME, NAMESPACE/POD, node/NAME and service/NAME. */
export async function findTarget(
  session: Session,
  word: string,
  { onAllNodes }: { onAllNodes: boolean },
): Promise<Target> {
  if (/^(svc|services?)\//.test(word)) return await findService(session, word.slice(word.indexOf('/') + 1))
  const end = await findEnd(session, word.includes('/') ? word : `pod/${word}`)
  const { node, pod, title } = end
  if (node === undefined) throw new Error(`cannot capture at "${word}": name a pod, node/NAME or service/NAME`)
  if (pod === undefined) return { title, nodes: [node], pods: [], scope: { addresses: [], ports: [] } }
  return {
    title,
    nodes: onAllNodes ? await allNodes(session) : [node],
    pods: [{ node, pod }],
    scope: { addresses: end.addresses, ports: [] },
  }
}

async function findService(session: Session, word: string): Promise<Target> {
  const [name = '', namespace = session.namespace] = word.split('.')
  const service = await session.client.get(services, { namespace, name })
  const labelSelector = `kubernetes.io/service-name=${name}`
  const slices = (await session.client.list(endpointSlices, { namespace, labelSelector })).items
  const { spec, status } = service
  const endpoints = slices.flatMap(({ endpoints: list }) => list ?? [])
  const own = [spec.clusterIP ?? '', ...(spec.clusterIPs ?? []), ...(spec.externalIPs ?? [])]
  const balancers = (status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => ip)
  const addresses = [...own, ...balancers, ...endpoints.flatMap((endpoint) => endpoint.addresses)]
  const ports = (spec.ports ?? []).flatMap(numbersOf)
  const behind = slices.flatMap(({ ports: list }) => (list ?? []).flatMap(({ port }) => port ?? []))
  const pods = endpoints.flatMap(({ nodeName, targetRef }) =>
    nodeName === undefined || targetRef?.kind !== 'Pod'
      ? []
      : [{ node: nodeName, pod: `${targetRef.namespace}/${targetRef.name}` }],
  )
  return {
    title: `service ${namespace}/${name}`,
    nodes: await allNodes(session),
    // A dual-stack Service has each pod in two slices.
    pods: [...new Map(pods.map((each) => [each.pod, each])).values()].slice(0, podLimit),
    scope: {
      addresses: [...new Set(addresses)].filter((address) => address !== '' && address !== 'None'),
      ports: [...new Set([...ports, ...behind])],
    },
  }
}

function numbersOf({ port, targetPort, nodePort }: ServicePort): number[] {
  return [port, targetPort, nodePort].filter((value) => typeof value === 'number')
}

async function allNodes({ client }: Session): Promise<string[]> {
  return (await client.list(nodes)).items.map(({ metadata }) => metadata.name)
}
