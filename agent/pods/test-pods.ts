// Builders for the tests of this folder: pods as the API server stores them, containers and sandboxes as a runtime lists them.

import type { Container as ContainerTemplate, PodSpec, PodStatus } from '../../api/generated/types.ts'
import type { Container, Sandbox } from '../runtime/runtime.ts'
import type { StoredPod } from './pod.ts'

/** A pod with one container "app", unless the spec says otherwise. */
export function makePod(spec: Partial<PodSpec> = {}, status: PodStatus = {}): StoredPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      generation: 1,
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      nodeName: 'node-1',
      containers: [makeTemplate('app')],
      ...spec,
    },
    status,
  }
}

/** A container template that never pulls. */
export function makeTemplate(name: string, more: Partial<ContainerTemplate> = {}): ContainerTemplate {
  return { name, image: 'test:1', imagePullPolicy: 'IfNotPresent', ...more }
}

/** A ready sandbox on the pod network. */
export function makeSandbox(more: Partial<Sandbox> = {}): Sandbox {
  const pod = { name: 'web', namespace: 'default', uid: 'uid-1' }
  return { id: 'sandbox-0', pod, attempt: 0, state: 'ready', network: 'pod', createdAtMs: 1_000, pid: 42, ...more }
}

/** A running container of sandbox-0, started at second 10; exited ones ended at second 20. */
export function makeContainer(name: string, more: Partial<Container> = {}): Container {
  return {
    id: `${name}-${more.attempt ?? 0}`,
    sandboxId: 'sandbox-0',
    pod: { name: 'web', namespace: 'default', uid: 'uid-1' },
    name,
    attempt: 0,
    image: 'test:1',
    imageId: 'sha256:1',
    state: 'running',
    createdAtMs: 9_000,
    startedAtMs: 10_000,
    finishedAtMs: more.state === 'exited' ? 20_000 : 0,
    exitCode: 0,
    reason: '',
    message: '',
    annotations: {},
    ...more,
  }
}
