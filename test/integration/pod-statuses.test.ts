// Statuses of pods, from the agent that writes them to the API server that others write to as well.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { StatusWriter } from '../../agent/pods/status-writer.ts'
import { HttpClient } from '../../api/client/http-client.ts'
import type { Pod, PodCondition, PodStatus } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { startApiServer, type TestApiServer } from '../support/start-api-server.ts'

const namespace = 'default'
let api: TestApiServer
let writer: StatusWriter
let pod: Stored<Pod>
let failures: unknown[]

beforeEach(async () => {
  api = await startApiServer()
  await api.client.create(nodes, { metadata: { name: 'a' } })
  failures = []
  const client = new HttpClient(api.as({ name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] }))
  writer = new StatusWriter({ client, onError: (error) => failures.push(error) })
  pod = await api.client.create(pods, {
    metadata: { name: 'web', namespace },
    spec: { nodeName: 'a', containers: [{ name: 'web', image: 'web:1' }] },
  })
})
afterEach(async () => {
  writer.close()
  await api.close()
})

const condition = (type: string, status: string, more: Partial<PodCondition> = {}): PodCondition => ({
  type,
  status,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...more,
})
const unready = { reason: 'ContainersNotReady', message: 'containers with unready status: [web]' }
const stored = async () => (await api.client.get(pods, { namespace, name: 'web' })).status ?? {}

async function write(status: PodStatus): Promise<void> {
  writer.set(pod, status)
  await writer.flush(pod.metadata.uid)
}

test('the newest status holds, field by field', async () => {
  const containerStatuses = [{ name: 'web', image: 'web:1', imageID: '', ready: false, restartCount: 0 }]
  const first = {
    phase: 'Pending',
    hostIP: '192.0.2.1',
    hostIPs: [{ ip: '192.0.2.1' }],
    podIP: '10.244.0.2',
    podIPs: [{ ip: '10.244.0.2' }],
    conditions: [condition('Ready', 'False', unready)],
    containerStatuses,
  }
  await write(first)
  expect(await stored()).toMatchObject(first)
  const next = {
    ...first,
    phase: 'Running',
    podIP: '10.244.0.3',
    podIPs: [{ ip: '10.244.0.3' }, { ip: 'fd00::3' }],
    conditions: [condition('Ready', 'True')],
    containerStatuses: containerStatuses.map((status) => ({ ...status, ready: true, restartCount: 1 })),
  }
  await write(next)
  const { qosClass: _class, ...now } = await stored()
  expect(now).toEqual(next)
  expect(failures).toEqual([])
})

test('a condition that another has changed since the node heard of it stays', async () => {
  const gate = (status: string) => condition('example.com/in-rotation', status)
  const put = async (conditions: PodCondition[]) => {
    const object = await api.client.get(pods, { namespace, name: 'web' })
    return await api.client.update(
      pods,
      { ...object, status: { ...object.status, conditions } },
      { subresource: 'status' },
    )
  }
  pod = await put([gate('False')])
  await put([gate('True')])
  await write({ phase: 'Running', conditions: [condition('Ready', 'True'), gate('False')] })
  expect((await stored()).conditions).toHaveLength(2)
  expect((await stored()).conditions).toContainEqual(gate('True'))
  expect(failures).toEqual([])
})

test('the pod of that name that came after is left alone', async () => {
  const before = await stored()
  pod = { ...pod, metadata: { ...pod.metadata, uid: 'another' } }
  await write({ phase: 'Failed' })
  expect(await stored()).toEqual(before)
  expect(failures).toEqual([])
})
