// What dead pods, killed agents and rebooted nodes leave behind is found and freed.

import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import { PodCluster, type PodNode } from '../support/pod-nodes.ts'

let cluster: PodCluster
let node: PodNode

/** Addresses .2 to .6. */
const capacity = 5

beforeAll(async () => {
  cluster = await PodCluster.create({ topic: 'left', kind: 'host-gw', switches: [1], rangeBits: 29 })
  const [one] = cluster.nodes
  if (one === undefined) throw new Error('there is a node')
  node = one
})
afterAll(() => cluster?.close())
beforeEach(() => node.ask('collectGarbage', []))

const reserved = () =>
  readdirSync(join(node.dataDir, 'reservations', 'fairlead')).filter((name) => !name.startsWith('last-given'))
const cables = async () =>
  (await node.show('ip', '-o', 'link', 'show', 'type', 'veth'))
    .split('\n')
    .filter((line) => line.includes('master cbr0'))
const elements = async () => {
  const tables = ['bridge', 'inet'].map((family) =>
    node.show('nft', 'list', 'table', family, 'fairlead-cbr0').catch(() => ''),
  )
  return (await Promise.all(tables)).join('').match(/comment "pod default/g)?.length ?? 0
}
const remains = async () => ({ reserved: reserved(), cables: await cables(), elements: await elements() })
const nothing = { reserved: [], cables: [], elements: 0 }
const web = { hostPort: 8080, containerPort: 80, protocol: 'tcp' } as const

test('a full range says so, and an address that a pod gave back is given to the next', async () => {
  const pods = []
  for (let index = 0; index < capacity; index++) pods.push(await cluster.addPod(`full${index}`, node))
  await expect(cluster.addPod('full-too', node)).rejects.toThrow('no free address left in 10.244.1.0/29')
  expect((await remains()).cables).toHaveLength(capacity)
  const gone = pods[3]
  await node.ask('detach', gone?.sandboxId ?? '')
  const next = await cluster.addPod('full-next', node)
  expect(next.ips[0]).toBe(gone?.ips[0])
  await run('ping', ['-c1', '-W2', '10.244.1.1'], next.host)
})

test('an ADD that the kernel refuses says why, and leaves nothing', async () => {
  const taken = await cluster.net.addHost('taken')
  await run('ip', ['link', 'add', 'eth0', 'type', 'bridge'], taken)
  const request = {
    sandboxId: 'refused',
    pod: { namespace: 'default', name: 'refused', uid: 'refused' },
    portMappings: [web],
  }
  await expect(node.ask('attach', { ...request, netns: taken.netns })).rejects.toThrow(
    /its end eth0: file already exists/,
  )
  await expect(node.ask('attach', { ...request, netns: '/run/netns/none' })).rejects.toThrow('/run/netns/none')
  expect(await remains()).toEqual(nothing)
})

test('an agent killed at any moment of an ADD leaves nothing that the next one does not free', async () => {
  for (const [index, delayMs] of [0, 5, 10, 15, 20, 30, 40, 60].entries()) {
    const adding = cluster.addPod(`killed${index}`, node, { portMappings: [web] }).catch(() => undefined)
    await pause(delayMs)
    node.kill()
    await adding
    await node.ask('collectGarbage', [])
    await cluster.settle()
    expect(await remains(), `killed after ${delayMs} ms`).toEqual(nothing)
    expect(await node.ask('verify')).toEqual([])
  }
})

test('a pod that ended without a word is freed when its sandbox is gone, and others stay', async () => {
  const [dead, alive] = [await cluster.addPod('dead', node), await cluster.addPod('alive', node)]
  await run('ip', ['netns', 'delete', dead.host.name])
  await node.ask('collectGarbage', [alive.sandboxId])
  expect(reserved().sort()).toEqual(alive.ips.toSorted())
  expect(await cables()).toHaveLength(1)
  await run('ping', ['-c1', '-W2', '10.244.1.1'], alive.host)
})

test('a pod that comes while the node is compared is taken for no leftover', async () => {
  await cluster.addPod('there', node)
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-slow-nft-'))
  await restartWithPath(slowNft(folder))
  const repaired = node.ask('repair')
  await vi.waitFor(() => access(join(folder, 'asked')), { timeout: 20_000 })
  await cluster.addPod('meanwhile', node)
  const before = await remains()
  writeFileSync(join(folder, 'go'), '')
  await repaired
  rmSync(folder, { recursive: true })
  expect(await remains()).toEqual(before)
  await restartWithPath(process.env.PATH ?? '')
})

test('a namespace at the path of one that ended is none of the pod’s, and stays as it is', async () => {
  const [own, foreign] = [await cluster.net.addHost('own'), await cluster.net.addHost('foreign')]
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-netns-'))
  // As /proc/123/ns/net, which is of whoever has that number.
  const netns = join(folder, 'net')
  symlinkSync(own.netns, netns)
  const pod = { namespace: 'default', name: 'reused', uid: 'reused' }
  await node.ask('attach', { sandboxId: 'reused', pod, netns, portMappings: [] })
  await run('ip', ['netns', 'delete', own.name])
  rmSync(netns)
  symlinkSync(foreign.netns, netns)
  const before = await run('ip', ['-o', 'addr'], foreign)
  await node.ask('repair')
  expect(await run('ip', ['-o', 'addr'], foreign)).toBe(before)
  await node.ask('detach', 'reused')
  expect(await remains()).toMatchObject({ reserved: [], cables: [] })
  rmSync(folder, { recursive: true })
})

/** A path on which nft, asked for the table of the source check, makes the file `asked` and waits for the file `go`. */
function slowNft(folder: string): string {
  const wait = `touch ${folder}/asked; until [ -e ${folder}/go ]; do sleep 0.05; done`
  const script = `#!/bin/sh
[ "$*" = '-j list table bridge fairlead-cbr0' ] && { ${wait}; }
PATH=\${PATH#*:}
exec nft "$@"
`
  writeFileSync(join(folder, 'nft'), script, { mode: 0o755 })
  return `${folder}:${process.env.PATH}`
}

async function restartWithPath(path: string): Promise<void> {
  const own = process.env.PATH
  node.kill()
  process.env.PATH = path
  await cluster.settle()
  process.env.PATH = own
}

test('a node that was rebooted has only its files left: addresses are freed and new pods get on', async () => {
  for (const name of ['boot0', 'boot1', 'boot2'])
    await cluster.addPod(name, node, name === 'boot0' ? { portMappings: [web] } : {})
  node.kill()
  for (const name of ['boot0', 'boot1', 'boot2']) await run('ip', ['netns', 'delete', `fl-test-left-${name}`])
  await node.show('ip', 'link', 'delete', 'cbr0')
  await node.show('nft', 'flush', 'ruleset')
  await node.ask('collectGarbage', [])
  await cluster.settle()
  expect(await remains()).toEqual(nothing)
  const pod = await cluster.addPod('after', node, { portMappings: [web] })
  await cluster.net.serve(pod.host, 'tcp', 80, 'after')
  expect(await cluster.net.askTcp(cluster.outside, '198.18.1.11', 8080)).toBe('after 198.18.1.200')
  expect(await node.ask('verify')).toEqual([])
})
