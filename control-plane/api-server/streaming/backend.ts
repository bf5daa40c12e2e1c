// Which server a request to a pod's or Service's proxy subresource is for. Pure.

import ipaddr from 'ipaddr.js'
import type { Endpoint, EndpointSlice, Pod, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { badRequest, serviceUnavailable } from '../../../api/objects/status-error.ts'
import type { ProxyTarget } from './proxy-target.ts'

export interface Backend {
  host: string
  port: number
  /** The pod that it is: reached through the agent of its node, as only nodes have routes to pods. */
  pod?: { namespace: string; name: string; node: string }
}

const defaultPort = 80

/** The port by number or by a container's name for it; the pod's first if none is asked for. Throws BadRequest. */
export function backendOfPod({ metadata, spec, status }: Stored<Pod>, asked: string): Backend {
  const { namespace = '', name } = metadata
  const ports = spec.containers.flatMap(({ ports: each = [] }) => each)
  const port =
    asked === ''
      ? (ports[0]?.containerPort ?? defaultPort)
      : (toPort(asked) ?? ports.find((each) => each.name === asked)?.containerPort)
  if (port === undefined) throw badRequest(`pod ${name} has no port "${asked}"`)
  const host = status?.podIP ?? ''
  if (host === '' || spec.nodeName === undefined) throw badRequest(`address not allowed: pod ${name} has no IP`)
  return { host, port, pod: { namespace, name, node: spec.nodeName } }
}

/** One of the Service's ready endpoints, at random. Throws BadRequest for a port that it does not have, 503 when nobody is ready. */
export function backendOfService(
  { metadata, spec }: Stored<Service>,
  slices: readonly Stored<EndpointSlice>[],
  { name, port: asked }: ProxyTarget,
): Backend {
  const ports = spec.ports ?? []
  const wanted = asked === '' && ports.length === 1 ? ports[0] : ports.find((each) => isPort(each, asked))
  if (wanted === undefined) throw badRequest(`service ${name} has no port "${asked}"`)
  const candidates = slices.flatMap(({ addressType, endpoints = [], ports: slicePorts = [] }) => {
    const port = slicePorts.find((each) => (each.name ?? '') === (wanted.name ?? ''))?.port
    const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false)
    return port === undefined || addressType === 'FQDN' ? [] : ready.map((endpoint) => ({ endpoint, port }))
  })
  const chosen = candidates[Math.floor(Math.random() * candidates.length)]
  if (chosen === undefined) throw serviceUnavailable(`no endpoints available for service "${name}"`)
  return toBackend(chosen.endpoint, chosen.port, metadata.namespace ?? '')
}

function toBackend({ addresses, targetRef, nodeName }: Endpoint, port: number, namespace: string): Backend {
  const [host = ''] = addresses
  if (targetRef?.kind === 'Pod' && targetRef.name !== undefined && nodeName !== undefined)
    return { host, port, pod: { namespace, name: targetRef.name, node: nodeName } }
  // Whoever may write slices must not reach what only this host can.
  if (ipaddr.parse(host).range() === 'loopback' || ipaddr.parse(host).range() === 'linkLocal')
    throw badRequest(`address not allowed: ${host}`)
  return { host, port }
}

function isPort({ name, port }: { name?: string; port?: number }, asked: string): boolean {
  return name === asked || (asked !== '' && port === toPort(asked))
}

function toPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}
