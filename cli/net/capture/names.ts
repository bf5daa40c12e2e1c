// Who has which address, by the cluster's own objects.

import type { Node, Pod, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { pods } from '../../../api/resources/pods.ts'
import { services } from '../../../api/resources/services.ts'
import type { Session } from '../../session.ts'

interface Named {
  /** For people: "default/web-1", "svc default/web", "node-1". */
  title: string
  /** As a host name. */
  host: string
}

export class Names {
  readonly #byAddress = new Map<string, Named>()

  constructor(objects: { nodes: Stored<Node>[]; services: Stored<Service>[]; pods: Stored<Pod>[] }) {
    for (const { metadata, status } of objects.nodes)
      for (const { address, type } of status?.addresses ?? [])
        if (type === 'InternalIP') this.#set(address, metadata.name, metadata.name)
    for (const { metadata, spec, status } of objects.services) {
      const balancers = (status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => ip)
      const key = `${metadata.namespace}/${metadata.name}`
      for (const address of [
        spec.clusterIP ?? '',
        ...(spec.clusterIPs ?? []),
        ...(spec.externalIPs ?? []),
        ...balancers,
      ])
        if (address !== 'None') this.#set(address, `svc ${key}`, `${metadata.name}.${metadata.namespace}.svc`)
    }
    for (const { metadata, spec, status } of objects.pods) {
      const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed'
      if (spec.hostNetwork === true || hasEnded) continue
      for (const { ip = '' } of status?.podIPs ?? [])
        this.#set(ip, `${metadata.namespace}/${metadata.name}`, `${metadata.name}.${metadata.namespace}.pod`)
    }
  }

  /** Asks the cluster. */
  static async read({ client }: Pick<Session, 'client'>): Promise<Names> {
    const [nodeList, serviceList, podList] = await Promise.all([
      client.list(nodes),
      client.list(services),
      client.list(pods),
    ])
    return new Names({ nodes: nodeList.items, services: serviceList.items, pods: podList.items })
  }

  /** "default/web-1", "svc default/web" or "node-1"; undefined for an address of nobody. */
  titleOf(address: string | undefined): string | undefined {
    return this.#byAddress.get(address ?? '')?.title
  }

  /** Addresses of a pod, "namespace/name". */
  addressesOf(title: string): string[] {
    return [...this.#byAddress].flatMap(([address, named]) => (named.title === title ? [address] : []))
  }

  /** Address and host name of everybody. */
  hosts(): [address: string, host: string][] {
    return [...this.#byAddress].map(([address, { host }]) => [address, host])
  }

  /** "default/client > svc default/web"; undefined when neither end is known. */
  describe(source: string | undefined, destination: string | undefined): string | undefined {
    const [from, to] = [this.titleOf(source), this.titleOf(destination)]
    return from === undefined && to === undefined ? undefined : `${from ?? source} > ${to ?? destination}`
  }

  #set(address: string, title: string, host: string): void {
    if (address !== '') this.#byAddress.set(address, { title, host })
  }
}
