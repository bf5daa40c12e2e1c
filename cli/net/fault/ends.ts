// The two ends of a fault as they are written on the command line, found in the cluster.

import { isIP } from 'node:net'
import { nodes } from '../../../api/resources/nodes.ts'
import type { Session } from '../../session.ts'
import { findEnd } from '../ends.ts'

/** One end. */
export interface FaultEnd {
  /** As rules name it: "node-1", "default/web", "192.0.2.0/24". */
  title: string
  /** Addresses and ranges. */
  addresses: string[]
  /** Where it is; absent for what is outside of the cluster. */
  node?: string
  /** A pod with a network of its own, "namespace/name". */
  pod?: string
}

type Finder = Pick<Session, 'client' | 'namespace'>

/** Reads NODE, node/NAME, pod/NAME[.NAMESPACE], NAMESPACE/POD, ADDRESS and RANGE. A node is its addresses and those of its pods. */
export async function findFaultEnd(session: Finder, word: string): Promise<FaultEnd> {
  if (isIP(word.split('/')[0] ?? '') !== 0) return { title: word, addresses: [word] }
  const name = /^(?:no|nodes?)\/(.+)$/.exec(word)?.[1] ?? (word.includes('/') ? undefined : word)
  if (name !== undefined) return await findNode(session, name)
  const { addresses, node, pod } = await findEnd(session, word)
  if (node === undefined) throw new Error(`"${word}" is neither node nor pod nor address`)
  if (addresses.length === 0) throw new Error(`${word} has no address yet`)
  return { title: pod ?? node, addresses, node, ...(pod !== undefined && { pod }) }
}

async function findNode({ client }: Finder, name: string): Promise<FaultEnd> {
  const { spec, status } = await client.get(nodes, { name })
  const own = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
  const ranges = [spec?.podCIDR ?? '', ...(spec?.podCIDRs ?? [])].filter((range) => range !== '')
  return { title: name, addresses: [...new Set([...own, ...ranges])], node: name }
}
