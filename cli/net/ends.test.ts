import { beforeAll, expect, test } from 'vitest'
import { FakeClient } from '../../api/client/fake-client.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { services } from '../../api/resources/services.ts'
import { findEnd } from './ends.ts'

const client = new FakeClient()
const session = { client, namespace: 'default' }

beforeAll(async () => {
  await client.create(pods, {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { nodeName: 'node-1', containers: [{ name: 'web', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { podIP: '10.244.0.7', podIPs: [{ ip: '10.244.0.7' }] },
  })
  await client.create(services, {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { clusterIP: '10.96.0.5', ports: [{ name: 'https', port: 443 }] },
  })
  await client.create(nodes, {
    metadata: { name: 'node-1' },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.11' }] },
  })
})

test.each([
  [
    'pod/web.shop:http',
    { title: 'pod shop/web', addresses: ['10.244.0.7'], node: 'node-1', pod: 'shop/web', port: 8080 },
  ],
  ['shop/web', { title: 'pod shop/web', port: 8080 }],
  ['10.244.0.7:9', { title: 'pod shop/web', port: 9 }],
  ['svc/web.shop:https', { title: 'service shop/web', addresses: ['10.96.0.5'], service: 'shop/web', port: 443 }],
  ['10.96.0.5:443', { title: 'service shop/web', service: 'shop/web', port: 443 }],
  ['node/node-1:30080', { title: 'node node-1', addresses: ['192.0.2.11'], node: 'node-1', port: 30080 }],
  ['outside/203.0.113.9', { addresses: ['203.0.113.9'], isOutside: true }],
  ['203.0.113.9:80', { title: '203.0.113.9', addresses: ['203.0.113.9'], port: 80 }],
])('%s is found in the cluster', async (word, expected) => {
  expect(await findEnd(session, word)).toMatchObject(expected)
})

test('a name without a namespace is looked for in the namespace of the session', async () => {
  await expect(findEnd(session, 'pod/web')).rejects.toThrow('"web" not found')
  expect(await findEnd({ client, namespace: 'shop' }, 'pod/web')).toMatchObject({ pod: 'shop/web' })
})
