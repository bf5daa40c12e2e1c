// Environment variables for the services of a pod's namespace, as Docker links once made them.
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables

import type { Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import type { StoredPod } from './pod.ts'

/** Services without a cluster address have no variables. The API's own service is always there. */
export function serviceEnvironment(
  { metadata, spec }: StoredPod,
  services: readonly Stored<Service>[],
): Map<string, string> {
  const variables = new Map<string, string>()
  const isLinked = (service: Stored<Service>) =>
    spec.enableServiceLinks !== false && service.metadata.namespace === metadata.namespace
  const isApi = ({ metadata: { name, namespace } }: Stored<Service>) => name === 'kubernetes' && namespace === 'default'
  for (const service of services.filter(isApi)) addService(variables, service)
  for (const service of services.filter(isLinked)) addService(variables, service)
  return variables
}

function addService(variables: Map<string, string>, { metadata, spec }: Stored<Service>): void {
  const { clusterIP: ip, ports = [] } = spec
  const first = ports[0]
  if (ip === undefined || ip === '' || ip === 'None' || first === undefined) return
  const prefix = toVariable(metadata.name)
  const host = ip.includes(':') ? `[${ip}]` : ip
  variables.set(`${prefix}_SERVICE_HOST`, ip)
  variables.set(`${prefix}_SERVICE_PORT`, String(first.port))
  for (const { name, port } of ports)
    if (name) variables.set(`${prefix}_SERVICE_PORT_${toVariable(name)}`, String(port))
  const urlOf = (port: number, protocol: string) => `${protocol}://${host}:${port}`
  variables.set(`${prefix}_PORT`, urlOf(first.port, (first.protocol ?? 'TCP').toLowerCase()))
  for (const { port, protocol = 'TCP' } of ports) {
    const portPrefix = `${prefix}_PORT_${port}_${protocol}`
    variables.set(portPrefix, urlOf(port, protocol.toLowerCase()))
    variables.set(`${portPrefix}_PROTO`, protocol.toLowerCase())
    variables.set(`${portPrefix}_PORT`, String(port))
    variables.set(`${portPrefix}_ADDR`, ip)
  }
}

const toVariable = (name: string) => name.toUpperCase().replaceAll('-', '_')
