// Which requests are passed on to agents, read from their paths alone.

/** A request for a subresource of a Pod, Service or Node that is passed on. */
export interface StreamingRequest {
  kind: 'log' | 'exec' | 'attach' | 'portforward' | 'pod-proxy' | 'service-proxy' | 'node-proxy'
  /** "" for nodes. */
  namespace: string
  /** As in the path: proxies take "name:port" and "scheme:name:port". */
  name: string
  /** What follows "proxy", with its slash; "" if nothing does. */
  rest: string
}

const podPath = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(log|exec|attach|portforward|proxy)(\/.*)?$/
const servicePath = /^\/api\/v1\/namespaces\/([^/]+)\/services\/([^/]+)\/proxy(\/.*)?$/
const nodePath = /^\/api\/v1\/nodes\/([^/]+)\/proxy(\/.*)?$/

export function readStreamingRequest({ pathname }: URL): StreamingRequest | undefined {
  const node = nodePath.exec(pathname)
  if (node !== null) return { kind: 'node-proxy', namespace: '', name: decode(node[1]), rest: node[2] ?? '' }
  const service = servicePath.exec(pathname)
  if (service !== null)
    return { kind: 'service-proxy', namespace: decode(service[1]), name: decode(service[2]), rest: service[3] ?? '' }
  const pod = podPath.exec(pathname)
  if (pod === null) return undefined
  const [, namespace, name, subresource, rest = ''] = pod
  if (subresource !== 'proxy' && rest !== '') return undefined
  const kind = subresource === 'proxy' ? 'pod-proxy' : (subresource as StreamingRequest['kind'])
  return { kind, namespace: decode(namespace), name: decode(name), rest }
}

function decode(segment = ''): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment // not UTF-8: no object has such a name, and it is not found
  }
}
