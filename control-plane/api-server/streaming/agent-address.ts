import type { Node } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { internalError } from '../../../api/objects/status-error.ts'

/** Where a node's agent listens, and whose certificate it must show. */
export interface AgentAddress {
  node: string
  host: string
  port: number
}

const defaultPort = 10_250

/** Throws InternalError for a node that has not reported an address. */
export function addressOfAgent({ metadata, status }: Stored<Node>): AgentAddress {
  const addresses = status?.addresses ?? []
  const address = ['InternalIP', 'ExternalIP', 'Hostname']
    .map((type) => addresses.find((each) => each.type === type)?.address)
    .find((each) => each !== undefined)
  if (address === undefined) throw internalError(`node ${metadata.name} has no address`)
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port ?? defaultPort
  return { node: metadata.name, host: address, port: port === 0 ? defaultPort : port }
}
