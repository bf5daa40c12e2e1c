import type { Pod } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { badRequest } from '../../../api/objects/status-error.ts'

const defaultPort = 80

/** Reads "name", "name:port" or "scheme:name:port", as the proxy subresource takes them. */
export function parseTarget(text: string): { name: string; port: string } {
  const parts = text.split(':')
  const [first = '', second = '', third = ''] = parts
  if (parts.length === 3) return { name: second, port: third }
  if (parts.length > 3) throw badRequest(`invalid proxy target "${text}"`)
  return { name: first, port: second }
}

/** The port by number or by a container's name for it; the pod's first if none is asked for. Throws BadRequest. */
export function portOf({ metadata, spec }: Stored<Pod>, asked: string): number {
  const ports = spec.containers.flatMap(({ ports = [] }) => ports)
  if (asked === '') return ports[0]?.containerPort ?? defaultPort
  const port = /^\d+$/.test(asked) ? Number(asked) : ports.find(({ name }) => name === asked)?.containerPort
  if (port === undefined || port < 1 || port > 65_535) throw badRequest(`pod ${metadata.name} has no port "${asked}"`)
  return port
}
