import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { events } from '../../api/resources/events.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { pods } from '../../api/resources/pods.ts'
import { Scheduler } from '../../control-plane/scheduler/scheduler.ts'
import { startApiServer, type TestApiServer } from '../support/start-api-server.ts'

let server: TestApiServer
let stop: AbortController
let running: Promise<void>
const errors: unknown[] = []

beforeEach(async () => {
  server = await startApiServer()
  stop = new AbortController()
  errors.length = 0
  running = new Scheduler({ client: server.client, onError: (error) => errors.push(error) }).run(stop.signal)
})
afterEach(async () => {
  stop.abort()
  await running
  await server.close()
})

async function addNode(name: string, memory: string) {
  const amounts = { cpu: '2', memory, pods: '10' }
  await server.client.create(nodes, { metadata: { name }, spec: {} })
  const status = { capacity: amounts, allocatable: amounts }
  const options = { subresource: 'status' }
  await server.client.patch(nodes, { name }, 'application/merge-patch+json', { status }, options)
}

const addPod = (name: string, memory: string) =>
  server.client.create(pods, {
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'x', resources: { requests: { memory } } }] },
  })
const find = (name: string) => server.client.get(pods, { namespace: 'default', name })
const findEvents = async (reason: string) => {
  const { items } = await server.client.list(events, { namespace: 'default' })
  return items.filter((event) => event.reason === reason).map(({ message }) => message)
}

test('a pod is bound through the API server, which notes that it is scheduled', async () => {
  await addNode('n1', '1Gi')
  await addPod('web', '128Mi')
  await vi.waitFor(async () => expect((await find('web')).spec.nodeName).toBe('n1'), { timeout: 5_000 })
  expect((await find('web')).status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'PodScheduled', status: 'True' }),
  )
  await vi.waitFor(async () =>
    expect(await findEvents('Scheduled')).toEqual(['Successfully assigned default/web to n1']),
  )
  expect(errors).toEqual([])
})

test('a pod that fits nowhere says so in status and Event until there is a node for it', async () => {
  await addNode('small', '64Mi')
  await addPod('web', '128Mi')
  const message = '0/1 nodes are available: 1 Insufficient memory.'
  await vi.waitFor(async () =>
    expect((await find('web')).status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }),
    ),
  )
  await vi.waitFor(async () => expect(await findEvents('FailedScheduling')).toContain(message))
  await addNode('large', '1Gi')
  await vi.waitFor(async () => expect((await find('web')).spec.nodeName).toBe('large'), { timeout: 10_000 })
  const scheduled = (await find('web')).status?.conditions?.filter(({ type }) => type === 'PodScheduled')
  expect(scheduled).toEqual([expect.objectContaining({ status: 'True' })])
  expect(errors).toEqual([])
})

test('room of a deleted pod goes to one that waits', async () => {
  await addNode('n1', '200Mi')
  await addPod('first', '128Mi')
  await vi.waitFor(async () => expect((await find('first')).spec.nodeName).toBe('n1'), { timeout: 5_000 })
  await addPod('second', '128Mi')
  await vi.waitFor(async () => expect(await findEvents('FailedScheduling')).toHaveLength(1))
  await server.client.delete(pods, { namespace: 'default', name: 'first' }, { gracePeriodSeconds: 0 })
  await vi.waitFor(async () => expect((await find('second')).spec.nodeName).toBe('n1'), { timeout: 10_000 })
})
