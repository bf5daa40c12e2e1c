// The pod network encrypted: three nodes, two of them on one switch, judged by what goes over the wire.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { collectState } from '../../../agent/net/collect.ts'
import type { TracedPath } from '../../../api/net/trace.ts'
import { traceFlow } from '../../../cli/net/trace/trace.ts'
import { World } from '../../../cli/net/trace/world.ts'
import { run } from '../../../cni/linux/exec.ts'
import { capture } from '../../support/capture.ts'
import { PodCluster, type PodNode, type TestPod } from '../../support/pod-nodes.ts'

let cluster: PodCluster
let nodes: [PodNode, PodNode, PodNode]
/** On node-1, node-2 (same switch) and node-3 (behind the router). */
let here: TestPod
let near: TestPod
let far: TestPod

before(async () => {
  const program = join(import.meta.dirname, 'test-support-pod-node-process.mjs')
  cluster = await PodCluster.create({ topic: 'wg', kind: 'wireguard', switches: [1, 1, 2], program })
  const [one, two, three] = cluster.nodes
  assert.ok(one && two && three)
  nodes = [one, two, three]
  here = await cluster.addPod('here', one)
  near = await cluster.addPod('near', two)
  far = await cluster.addPod('far', three)
  for (const { host } of [near, far]) {
    await cluster.net.serve(host, 'tcp', 8080, host.name.slice(-4))
    await cluster.net.serve(host, 'tcp6', 8081, host.name.slice(-4))
  }
})
after(() => cluster?.close())

/** With the patience that an emulated machine wants. */
async function askTcp(from: TestPod, address: string): Promise<string> {
  return (
    await run('socat', ['-t30', '-T30', '-', `TCP:${address},connect-timeout=30`], { ...from.host, input: '' })
  ).trim()
}

const ask = async (from: TestPod, to: TestPod) => [
  await askTcp(from, `${to.ips[0]}:8080`),
  await askTcp(from, `[${to.ips[1]}]:8081`),
]
const names = (answers: string[]) => answers.map((answer) => answer.split(' ')[0])

for (const [title, target] of [
  ['the same switch', () => near],
  ['another switch', () => far],
] as const)
  test(`pods of a node on ${title} are reached in both families, and nothing of it can be read on the way`, async () => {
    const frames = await capture(cluster.router, 'n1', 'ip or ip6', async () => {
      assert.deepEqual(names(await ask(here, target())), Array(2).fill(target().host.name.slice(-4)))
    })
    const isOurs = (line: string) => /\.51820[ :]/.test(line)
    assert.ok(frames.some(isOurs), frames.join('\n'))
    const readable = frames.filter((line) => !isOurs(line) && /10\.244\.|fd00:244:/.test(line))
    assert.deepEqual(readable, [])
  })

test('a pod’s address is seen by the pod that it asks', async () => {
  const [answer = ''] = await ask(here, far)
  assert.equal(answer, `-far ${here.ips[0]}`)
})

test('a node cannot send as a pod of another node: its key is good for its own range alone', async () => {
  const [one, , three] = nodes
  const forged = '10.244.2.99'
  await run('ip', ['addr', 'add', `${forged}/32`, 'dev', 'lo'], three.host)
  const ping = (from: string) => run('ping', ['-c', '2', '-W', '3', '-I', from, here.ips[0] ?? ''], three.host)
  const seen = await capture(one.host, 'fairlead-wg', 'icmp', async () => {
    await assert.rejects(ping(forged))
    await ping('10.244.3.0')
  })
  assert.ok(seen.length > 0)
  assert.deepEqual(
    seen.filter((line) => line.includes(forged)),
    [],
  )
})

/** The only way of a packet from the first pod, as `net trace` tells it. */
async function traceTo(target: TestPod): Promise<TracedPath> {
  const places = [
    ...nodes.map(({ host, self }) => ({ place: { node: self.name }, host })),
    ...Object.entries({ here, near }).map(([name, { host, node }]) => ({
      place: { node: node.self.name, pod: `default/${name}` },
      host,
    })),
  ]
  const pictures = places.map(({ place, host }) => collectState({ place, netns: host.netns }))
  const world = new World(await Promise.all(pictures))
  const namespace = world.find({ node: 'node-1', pod: 'default/here' })
  assert.ok(namespace)
  const flow = { protocol: 'tcp', destination: target.ips[0] ?? '', port: 8080, sourcePort: 41_000 } as const
  const [path] = traceFlow({ world, flow, from: { namespace } }).paths
  assert.ok(path)
  return path
}

test('net trace follows a packet into the tunnel, out of it, and its answer back', async () => {
  const { forward, reply } = await traceTo(near)
  assert.deepEqual(
    [forward.end.outcome, forward.end.place.pod, reply?.end.outcome],
    ['delivered', 'default/near', 'delivered'],
  )
  const sealed = forward.hops
    .filter(({ text }) => text.includes('WireGuard'))
    .map(({ place, text }) => [place.node, text])
  assert.ok(sealed.some(([node, text]) => node === 'node-1' && text?.includes('sealed for 198.18.1.12:51820')))
  assert.ok(sealed.some(([node]) => node === 'node-2'))
})

test('net trace names the node that has no peer for a packet, and a real packet meets the same', async () => {
  const [one, two] = nodes
  await one.show('wg', 'set', 'fairlead-wg', 'peer', two.self.wireguardKey ?? '', 'remove')
  const { forward } = await traceTo(near)
  assert.deepEqual(
    [forward.end.outcome, forward.end.cause, forward.end.place.node],
    ['refused', 'peer-missing', 'node-1'],
  )
  await assert.rejects(askTcp(here, `${near.ips[0]}:8080`))
  await one.ask('repair')
  assert.equal((await traceTo(near)).forward.end.outcome, 'delivered')
})

test('the largest packet that pods may send goes through whole', async () => {
  const size = 1440 - 28
  await run('ping', ['-c', '1', '-W', '10', '-M', 'do', '-s', String(size), far.ips[0] ?? ''], here.host)
  await assert.rejects(
    run('ping', ['-c', '1', '-W', '3', '-M', 'do', '-s', String(size + 1), far.ips[0] ?? ''], here.host),
  )
})

test('an agent that comes back finds nothing to do, and its key is the same', async () => {
  const [one] = nodes
  const before = await one.show('wg', 'show', 'fairlead-wg', 'dump')
  one.kill()
  await cluster.settle()
  assert.deepEqual(await one.ask('verify'), [])
  const sessionless = (dump: string) => dump.split('\n').map((line) => line.split('\t').slice(0, 4))
  assert.deepEqual(sessionless(await one.show('wg', 'show', 'fairlead-wg', 'dump')), sessionless(before))
})

test('a peer that was taken away is named with its node, and mended', async () => {
  const [one, , three] = nodes
  await one.show('wg', 'set', 'fairlead-wg', 'peer', three.self.wireguardKey ?? '', 'remove')
  const found = await one.ask('verify')
  assert.deepEqual(
    found.map(({ kind, state, owner }) => [kind, state, owner]),
    [['neighbour', 'missing', 'Node node-3']],
  )
  await one.ask('repair')
  assert.deepEqual(names(await ask(here, far)), ['-far', '-far'])
})

test('in another kind of network the device is gone', async () => {
  for (const node of nodes) await node.become('vxlan')
  await cluster.settle()
  for (const node of nodes) await assert.rejects(node.show('ip', 'link', 'show', 'fairlead-wg'))
  assert.deepEqual(names(await ask(here, far)), ['-far', '-far'])
})
