// Ranges of nodes, of both families, out of cluster ranges that are soon empty.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { events } from '../../../api/resources/events.ts'
import { nodes } from '../../../api/resources/nodes.ts'
import { runControllers } from '../../../control-plane/controllers/manager.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

let api: TestApiServer
let stop: AbortController
let running: Promise<void>
let warnings: string[]

beforeEach(async () => {
  api = await startApiServer()
  warnings = []
})
afterEach(async () => {
  stop.abort()
  await running
  await api.close()
})

/** Room for four nodes by IPv4, for two by IPv6. */
function runAll(clusterCidrs = ['10.0.0.0/22', 'fd00::/63']): void {
  stop = new AbortController()
  const log = { info() {}, warn: (text: string) => warnings.push(text), error: console.error }
  running = runControllers({ client: api.client, clusterCidrs, log }, stop.signal)
}

const create = (name: string, podCIDRs?: string[]) =>
  api.client.create(nodes, { metadata: { name }, spec: { ...(podCIDRs && { podCIDR: podCIDRs[0], podCIDRs }) } })
const rangesOf = async (name: string) => (await api.client.get(nodes, { name })).spec.podCIDRs ?? []
const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 5_000, interval: 20 })

test('a node gets a range of each family, and what a node that goes had is given again', async () => {
  runAll()
  for (const name of ['a', 'b']) await create(name)
  await eventually(async () => {
    const given = [await rangesOf('a'), await rangesOf('b')]
    expect(given.map((ranges) => ranges.length)).toEqual([2, 2])
    expect(new Set(given.flat()).size).toBe(4)
  })
  const [, ofA] = await rangesOf('a')
  await api.client.delete(nodes, { name: 'a' })
  await create('c')
  await eventually(async () => expect((await rangesOf('c'))[1]).toBe(ofA))
})

test('a node for which one family has no range left gets none, says so, and gets both when another goes', async () => {
  runAll()
  for (const name of ['a', 'b']) await create(name)
  await eventually(async () => expect([...(await rangesOf('a')), ...(await rangesOf('b'))]).toHaveLength(4))
  await create('late')
  await eventually(async () => {
    const { items } = await api.client.list(events, { namespace: 'default' })
    const about = items.filter(({ involvedObject }) => involvedObject.name === 'late')
    expect(about.map(({ reason, message }) => [reason, message])).toContainEqual([
      'CIDRNotAvailable',
      'Node late status is now: CIDRNotAvailable',
    ])
  })
  expect(await rangesOf('late')).toEqual([])
  const freed = await rangesOf('b')
  await api.client.delete(nodes, { name: 'b' })
  await eventually(async () => expect((await rangesOf('late'))[1]).toBe(freed[1]))
})

test('ranges that nodes have when the controllers start are not given again', async () => {
  await create('old', ['10.0.2.0/24', 'fd00:0:0:1::/64'])
  runAll()
  await create('new')
  await eventually(async () => expect(await rangesOf('new')).toEqual(['10.0.0.0/24', 'fd00::/64']))
})

test('a range that is not of the cluster is warned of once, not at each change of the node', async () => {
  await create('guest', ['192.168.7.0/24'])
  runAll(['10.0.0.0/22'])
  await eventually(async () => expect(warnings).toHaveLength(1))
  for (const color of ['red', 'blue'])
    await api.client.patch(nodes, { name: 'guest' }, 'application/merge-patch+json', {
      metadata: { labels: { color } },
    })
  await create('other')
  await eventually(async () => expect(await rangesOf('other')).toHaveLength(1))
  expect(warnings).toEqual([expect.stringContaining('node guest has pod range 192.168.7.0/24')])
})

test('a range that two nodes have belongs to the second when the first goes', async () => {
  await create('one', ['10.0.0.0/24'])
  await create('two', ['10.0.0.0/24'])
  runAll(['10.0.0.0/23'])
  await eventually(async () => expect(warnings).toHaveLength(1))
  await api.client.delete(nodes, { name: 'one' })
  await create('three')
  await eventually(async () => expect(await rangesOf('three')).toEqual(['10.0.1.0/24']))
  await create('four')
  await eventually(async () => {
    const { items } = await api.client.list(events, { namespace: 'default' })
    expect(items.map(({ involvedObject }) => involvedObject.name)).toContain('four')
  })
  expect(await rangesOf('four')).toEqual([])
})
