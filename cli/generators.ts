// Objects of the commonest kinds, from a few words.

import type { ConfigMap, Deployment, Namespace, Service } from '../api/generated/types.ts'

type Made<T> = T & { apiVersion: string; kind: string }

interface DeploymentWords {
  image: string
  replicas: string
  port?: string
  command: string[]
}

/** One container, labelled app=NAME, named after its image. */
export function makeDeployment(name: string, { image, replicas, port, command }: DeploymentWords): Made<Deployment> {
  const labels = { app: name }
  const containerName = (image.split('/').at(-1) ?? image)
    .replace(/[:@].*/, '')
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
  const container = {
    name: containerName,
    image,
    ...(command.length > 0 && { command }),
    ...(port !== undefined && { ports: [{ containerPort: parsePort(port) }] }),
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas: parseCount(replicas),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  }
}

/** A namespace. */
export function makeNamespace(name: string): Made<Namespace> {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

/** Literals are "key=value"; files that are no UTF-8 text become binary data. */
export function makeConfigMap(
  name: string,
  literals: readonly string[],
  files: readonly (readonly [key: string, content: Buffer])[],
): Made<ConfigMap> {
  const data: Record<string, string> = {}
  const binaryData: Record<string, string> = {}
  for (const literal of literals) {
    const equals = literal.indexOf('=')
    if (equals < 1) throw new Error(`invalid literal source ${literal}, expected key=value`)
    data[literal.slice(0, equals)] = literal.slice(equals + 1)
  }
  for (const [key, content] of files) {
    if (isText(content)) data[key] = content.toString('utf8')
    else binaryData[key] = content.toString('base64')
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    ...(Object.keys(data).length > 0 && { data }),
    ...(Object.keys(binaryData).length > 0 && { binaryData }),
  }
}

const isText = (content: Buffer) => Buffer.from(content.toString('utf8')).equals(content)

/** Ports are "80" or "80:8080": the service's own and the pod's. */
export function makeService(
  name: string,
  type: 'ClusterIP' | 'NodePort',
  ports: readonly string[],
  nodePort?: string,
): Made<Service> {
  const labels = { app: name }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels },
    spec: {
      type,
      selector: labels,
      ports: ports.map((text) => {
        const [port = '', target = port] = text.split(':')
        return {
          name: text.replace(':', '-'),
          port: parsePort(port),
          protocol: 'TCP',
          targetPort: /^\d+$/.test(target) ? parsePort(target) : target,
          ...(nodePort !== undefined && { nodePort: parsePort(nodePort) }),
        }
      }),
    },
  }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new Error(`"${text}" is no port: 1 to 65535`)
  return port
}

function parseCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`"${text}" is no number of replicas`)
  return Number(text)
}
