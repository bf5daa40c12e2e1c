// Delays, which want queueing disciplines that small kernels lack: between two nodes, and to a pod.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { after, afterEach, before, test } from 'node:test'
import { Faults } from '../../../agent/net/faults.ts'
import type { FaultFlow, FaultRequest } from '../../../api/net/fault.ts'
import { run } from '../../../cni/linux/exec.ts'
import { listQdiscs } from '../../../cni/linux/tc.ts'
import { type Host, TestNetwork } from '../../support/namespaces.ts'

const addresses = { one: '192.0.2.1', two: '192.0.2.2', other: '192.0.2.9', pod: '10.244.1.2' }
const delayMs = 300
let net: TestNetwork
let one: Host
let two: Host
let sleeper: ChildProcess
let faults: { one: Faults; two: Faults }

before(async () => {
  net = await TestNetwork.create('fault')
  one = await net.addHost('one')
  two = await net.addHost('two')
  const pod = await net.addHost('pod')
  await net.connect(one, 'eth0', `${addresses.one}/24`, two, 'eth0', `${addresses.two}/24`)
  await net.ip(two, `addr add ${addresses.other}/24 dev eth0`)
  await net.connect(one, 'to-pod', '10.244.1.1/24', pod, 'eth0', `${addresses.pod}/24`)
  await net.ip(pod, 'route add default via 10.244.1.1')
  await net.ip(two, `route add 10.244.1.0/24 via ${addresses.one}`)
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], one)
  // A pod is known by a process in its namespace.
  sleeper = spawn('nsenter', [`--net=${pod.netns}`, 'sleep', '3600'], { stdio: 'ignore' })
  faults = { one: makeFaults('one', one), two: makeFaults('two', two) }
})

after(async () => {
  sleeper.kill('SIGKILL')
  await net.close()
})
afterEach(async () => {
  for (const each of [faults.one, faults.two]) await each.sweep()
})

function makeFaults(nodeName: string, { netns }: Host): Faults {
  const listSandboxes = async () => [
    {
      id: 'pod',
      pod: { namespace: 'default', name: 'web', uid: 'web' },
      attempt: 0,
      state: 'ready' as const,
      network: 'pod' as const,
      createdAtMs: 0,
      ...(sleeper.pid !== undefined && { pid: sleeper.pid }),
    },
  ]
  const onError = (error: unknown) => console.error(error)
  return new Faults({ nodeName, netns, runtime: { listSandboxes }, onError })
}

const delay = (flow: FaultFlow, more: Partial<FaultRequest> = {}): FaultRequest => ({
  id: 'f1',
  kind: 'delay',
  delayMs,
  durationMs: 600_000,
  flows: [flow],
  ...more,
})
const toTwo: FaultFlow = { title: 'one -> two', from: [addresses.one], to: [addresses.two] }
const toPod: FaultFlow = { title: 'two -> web', from: [addresses.two], to: [addresses.pod], pod: 'default/web' }

/** Milliseconds there and back, the least of three: the guest is slow now and then. */
async function roundTripMs(from: Host, to: string, as: string): Promise<number> {
  const text = await run('ping', ['-q', '-c', '3', '-i', '0.2', '-W', '5', '-I', as, to], from)
  return Number(/= ([\d.]+)\//.exec(text)?.[1])
}

const kinds = async (host: Host) => (await listQdiscs(host)).map(({ kind }) => kind).filter((kind) => kind === 'netem')

test('what a node sends to another waits, what it sends elsewhere does not; healed, nothing is left', async () => {
  await faults.one.begin(delay(toTwo))
  assert.ok((await roundTripMs(one, addresses.two, addresses.one)) >= delayMs)
  assert.ok((await roundTripMs(one, addresses.other, addresses.one)) < delayMs)
  assert.equal((await faults.one.list())[0]?.what, `delay ${delayMs}ms`)
  assert.ok(((await faults.one.list())[0]?.packets ?? 0) >= 3)
  await faults.one.heal('f1')
  assert.deepEqual(await kinds(one), [])
  assert.ok((await roundTripMs(one, addresses.two, addresses.one)) < delayMs)
})

test('what is for a pod waits at its link', async () => {
  await faults.one.begin(delay(toPod))
  assert.ok((await roundTripMs(two, addresses.pod, addresses.two)) >= delayMs)
  assert.ok((await roundTripMs(two, addresses.pod, addresses.other)) < delayMs)
  assert.deepEqual(
    (await listQdiscs(one)).filter(({ kind }) => kind === 'netem').map(({ dev }) => dev),
    ['to-pod'],
  )
})

test('one link delays for one fault at a time', async () => {
  await faults.one.begin(delay(toTwo))
  await assert.rejects(faults.one.begin(delay(toTwo, { id: 'f2' })), /eth0 has a queueing discipline already \(prio\)/)
  assert.deepEqual(
    (await faults.one.list()).map(({ id }) => id),
    ['f1'],
  )
})

test('a queueing discipline that somebody made stays, and the link is not delayed', async () => {
  await run('tc', ['qdisc', 'add', 'dev', 'eth0', 'root', 'pfifo', 'limit', '77'], one)
  await assert.rejects(faults.one.begin(delay(toTwo)), /eth0 has a queueing discipline already \(pfifo\)/)
  assert.match(await run('tc', ['qdisc', 'show', 'dev', 'eth0'], one), /pfifo \w+: root .*limit 77p/)
  await run('tc', ['qdisc', 'del', 'dev', 'eth0', 'root'], one)
})

test('it ends by itself when its agent is gone, and the next agent takes the queue away', async () => {
  const dead = makeFaults('one', one)
  await dead.begin(delay(toTwo, { durationMs: 600_000 }))
  // As the kernel does when the time is over.
  await run('nft', ['flush', 'set', 'inet', 'fairlead-fault', 'on-f1'], one)
  assert.ok((await roundTripMs(one, addresses.two, addresses.one)) < delayMs)
  await faults.one.sweep()
  assert.deepEqual(await kinds(one), [])
  await dead.heal('f1').catch(() => undefined) // ends its timer: the rules are gone
})
