// Nodes and pods for the scheduler's tests, with the few fields that decisions look at.

import type { Node, NodeSpec, ObjectMeta, Pod, PodSpec } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'

let made = 0

function makeMeta(name: string, meta: Partial<ObjectMeta>) {
  const uid = `uid-${++made}`
  return { name, uid, resourceVersion: String(made), creationTimestamp: '2026-01-01T00:00:00Z', ...meta }
}

/** A node with room for 10 pods, 4 cpus and 8 GiB, unless said otherwise. */
export function makeNode(
  name: string,
  options: { spec?: NodeSpec; labels?: Record<string, string>; allocatable?: Record<string, string> } = {},
): Stored<Node> {
  const allocatable = { cpu: '4', memory: '8Gi', pods: '10', ...options.allocatable }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: makeMeta(name, { labels: options.labels ?? {} }),
    spec: options.spec ?? {},
    status: { allocatable },
  }
}

/** A pod of one container that requests the amounts. */
export function makePod(
  name: string,
  options: { requests?: Record<string, string>; spec?: Partial<PodSpec>; meta?: Partial<ObjectMeta> } = {},
): Stored<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: makeMeta(name, { namespace: 'default', ...options.meta }),
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'main', resources: { requests: options.requests ?? {} } }],
      ...options.spec,
    },
  }
}

/** A container that occupies a port of the node. */
export function onHostPort(hostPort: number, hostIP?: string, protocol = 'TCP') {
  return [{ name: 'main', ports: [{ containerPort: 80, hostPort, hostIP, protocol }] }]
}
