import { afterEach, expect, test, vi } from 'vitest'
import type { Pod } from '../generated/types.ts'
import { pods } from '../resources/pods.ts'
import { FakeClient } from './fake-client.ts'
import { type Change, Informer, type InformerOptions } from './informer.ts'

const stop = new Set<AbortController>()
afterEach(() => {
  for (const controller of stop) controller.abort()
})

const pod = (name: string, nodeName = '', namespace = 'default'): Pod => ({
  metadata: { name, namespace },
  spec: { containers: [], nodeName },
})
const summary = ({ old, object }: Change<Pod>) =>
  `${old === undefined ? '+' : object === undefined ? '-' : '~'}${(object ?? old)?.metadata.name}`

/** An informer that runs, and what its handler has heard. */
function follow(client: FakeClient, options: InformerOptions<Pod> = {}) {
  const informer = new Informer(client, pods, options)
  const heard: string[] = []
  informer.onChange((change) => heard.push(summary(change)))
  const controller = new AbortController()
  stop.add(controller)
  const done = informer.run(controller.signal)
  return { informer, heard, controller, done }
}

test('synced means that the copy and the handlers have the first list', async () => {
  const client = new FakeClient()
  await client.create(pods, pod('a'))
  await client.create(pods, pod('b'))
  const { informer, heard } = follow(client)
  expect(informer.list()).toEqual([])
  await informer.synced
  expect(informer.get('default/a')?.metadata.name).toBe('a')
  expect(heard).toEqual(['+a', '+b'])
})

test('changes arrive in order, after the copy has them', async () => {
  const client = new FakeClient()
  const { informer, heard } = follow(client)
  const copies: (string | undefined)[] = []
  informer.onChange(({ object }) => copies.push(object && informer.get('default/a')?.spec.nodeName))
  await informer.synced
  await client.create(pods, pod('a'))
  await client.patch(pods, { namespace: 'default', name: 'a' }, 'application/merge-patch+json', {
    spec: { nodeName: 'n1' },
  })
  await client.delete(pods, { namespace: 'default', name: 'a' })
  await vi.waitFor(() => expect(heard).toEqual(['+a', '~a', '-a']))
  expect(copies).toEqual(['', 'n1', undefined])
  expect(informer.list()).toEqual([])
})

test('after a lost connection the watch resumes without a new list', async () => {
  const client = new FakeClient()
  const errors: unknown[] = []
  const { informer, heard } = follow(client, { onError: (error) => errors.push(error) })
  await informer.synced
  await vi.waitFor(() => expect(client.calls).toContain('watch pods'))
  client.disconnect()
  await client.create(pods, pod('a'))
  await vi.waitFor(() => expect(heard).toEqual(['+a']))
  expect(errors).toHaveLength(1)
  expect(client.calls.filter((call) => call === 'list pods')).toHaveLength(1)
})

test('when history is gone, handlers hear of the differences alone', async () => {
  const client = new FakeClient()
  for (const name of ['same', 'changed', 'gone']) await client.create(pods, pod(name))
  const { informer, heard } = follow(client)
  await informer.synced
  heard.length = 0
  await vi.waitFor(() => expect(client.calls).toContain('watch pods'))
  client.disconnect()
  await client.update(pods, pod('changed', 'n2'))
  await client.delete(pods, { namespace: 'default', name: 'gone' })
  await client.create(pods, pod('new'))
  client.compact()
  await vi.waitFor(() => expect(heard.toSorted()).toEqual(['+new', '-gone', '~changed']))
  expect(client.calls.filter((call) => call === 'list pods')).toHaveLength(2)
})

test('an object that no longer fits the selection leaves the copy', async () => {
  const client = new FakeClient()
  const { informer, heard } = follow(client, { fieldSelector: 'spec.nodeName=' })
  await client.create(pods, pod('a'))
  await vi.waitFor(() => expect(heard).toEqual(['+a']))
  await client.update(pods, pod('a', 'n1'))
  await vi.waitFor(() => expect(heard).toEqual(['+a', '-a']))
  expect(informer.list()).toEqual([])
})

test('an index follows its objects from value to value', async () => {
  const client = new FakeClient()
  const { informer, heard } = follow(client, { indexes: { node: (object) => [object.spec.nodeName ?? ''] } })
  await client.create(pods, pod('a', 'n1'))
  await client.create(pods, pod('b', 'n1'))
  await client.update(pods, pod('a', 'n2'))
  await vi.waitFor(() => expect(heard).toEqual(['+a', '+b', '~a']))
  expect(informer.byIndex('node', 'n1').map(({ metadata }) => metadata.name)).toEqual(['b'])
  expect(informer.byIndex('node', 'n2').map(({ metadata }) => metadata.name)).toEqual(['a'])
  expect(informer.byIndex('node', 'n3')).toEqual([])
})

test('a server that ends every watch at once is not asked without end', async () => {
  const client = new FakeClient()
  client.watch = () => {
    client.calls.push('watch pods')
    return (async function* () {
      yield* []
    })()
  }
  const { informer, controller, done } = follow(client)
  await informer.synced
  await new Promise((resolve) => setTimeout(resolve, 250))
  controller.abort()
  await done
  expect(client.calls.filter((call) => call === 'watch pods').length).toBeLessThan(6)
})

test('a handler that throws ends the informer with its error', async () => {
  const client = new FakeClient()
  const informer = new Informer(client, pods)
  informer.onChange(() => {
    throw new Error('broken handler')
  })
  await client.create(pods, pod('a'))
  const controller = new AbortController()
  stop.add(controller)
  await expect(informer.run(controller.signal)).rejects.toThrow('broken handler')
})

test('abort ends the informer', async () => {
  const { informer, controller, done } = follow(new FakeClient())
  await informer.synced
  controller.abort()
  await expect(done).resolves.toBeUndefined()
})
