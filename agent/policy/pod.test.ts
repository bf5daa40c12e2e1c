import { expect, test } from 'vitest'
import type { Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { toPolicyPod, trimPod } from './pod.ts'

const pod: Stored<Pod> = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { app: 'web' },
    annotations: { long: 'story' },
  },
  spec: {
    nodeName: 'node-1',
    containers: [
      { name: 'app', image: 'app:1', command: ['serve'], ports: [{ name: 'http', containerPort: 8080 }] },
      { name: 'dns', image: 'dns:1', ports: [{ name: 'dns', containerPort: 53, protocol: 'UDP' }] },
    ],
    initContainers: [
      { name: 'once', ports: [{ name: 'never', containerPort: 1 }] },
      { name: 'beside', restartPolicy: 'Always', ports: [{ name: 'metrics', containerPort: 9090 }] },
    ],
  },
  status: {
    phase: 'Running',
    podIP: '10.244.1.2',
    podIPs: [{ ip: '10.244.1.2' }, { ip: 'fd00:0::2' }],
    qosClass: 'BestEffort',
  },
}

test('a policy sees labels, addresses in one form, and ports of what runs beside the app', () => {
  expect(toPolicyPod(pod, 'node-1')).toEqual({
    key: 'shop/web',
    namespace: 'shop',
    labels: { app: 'web' },
    ips: ['10.244.1.2', 'fd00::2'],
    local: true,
    ports: [
      { name: 'http', protocol: 'tcp', port: 8080 },
      { name: 'dns', protocol: 'udp', port: 53 },
      { name: 'metrics', protocol: 'tcp', port: 9090 },
    ],
  })
})

test('what is kept of a pod is all that policies see, and little else', () => {
  expect(toPolicyPod(trimPod(pod), 'node-1')).toEqual(toPolicyPod(pod, 'node-1'))
  expect(JSON.stringify(trimPod(pod))).not.toMatch(/story|image|command|qosClass/)
})
