// fairlead net fault: felt by pods, told by trace and verify, ended by heal and by time.

import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { Pod } from '../../api/generated/types.ts'
import type { ActiveFault } from '../../api/net/fault.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import { apply, execIn, fairlead, freshNamespace, getJson, kubectl, lab, testboxPod } from '../support/lab.ts'

const [near, far] = lab.nodes as [NodeLayout, NodeLayout]
let namespace: string
let webIps: string[]

beforeAll(async () => {
  namespace = await freshNamespace('e2e-fault')
  await apply(
    testboxPod({ namespace, name: 'client', nodeName: near.name }),
    testboxPod({ namespace, name: 'other', nodeName: near.name }),
    testboxPod({ namespace, name: 'web', nodeName: far.name }),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  const { status } = await getJson<Pod>('pod', '-n', namespace, 'web')
  webIps = (status?.podIPs ?? []).map(({ ip = '' }) => ip)
})

afterEach(async () => await fairlead(['net', 'fault', 'heal', '--all']))

const net = async (...words: string[]) => await fairlead(['net', words[0] ?? '', '-n', namespace, ...words.slice(1)])
/** The fault command takes the namespace behind its own verb. */
const fault = async (verb: string, ...words: string[]) => await net('fault', verb, ...words)
const list = async (): Promise<ActiveFault[]> => JSON.parse((await fault('list', '-o', 'json')).stdout)

async function ask(pod: string, ip = webIps[0] ?? ''): Promise<string> {
  const url = `http://${ip.includes(':') ? `[${ip}]` : ip}:8080/hostname`
  return (await execIn(namespace, pod, 'sh', '-c', `curl -s --max-time 1 ${url} || true`)).trim()
}

test('a cut between two pods is felt by them alone, named by trace and verify, and healed', async () => {
  const { stdout } = await fault('cut', '--between', 'pod/client,pod/web', '--for', '5m')
  const id = /^fault (f\w+): cut for 5m$/m.exec(stdout)?.[1] ?? ''
  expect(await Promise.all(webIps.map((ip) => ask('client', ip)))).toEqual(webIps.map(() => ''))
  expect(await ask('other')).toBe('web')
  const trace = await net('trace', 'pod/client', 'pod/web')
  expect(trace.stdout).toMatch(new RegExp(`dropped at ${far.name}, hop \\d+ \\(fault\\):.* of fault ${id} `))
  const verify = await net('verify')
  expect(verify.exitCode).toBe(1)
  expect(verify.stdout).toMatch(
    new RegExp(`${far.name} .*fault ${id} +cut: ${namespace}/client -> ${namespace}/web; ends in`),
  )
  expect((await list()).map(({ node, flows }) => [node, flows])).toEqual([
    [near.name, [`${namespace}/web -> ${namespace}/client`]],
    [far.name, [`${namespace}/client -> ${namespace}/web`]],
  ])
  expect((await fault('heal', id)).stdout).toBe(`fault ${id} healed`)
  expect(await ask('client')).toBe('web')
  expect((await fault('heal', id)).exitCode).toBe(1)
})

test('nodes that are cut from each other lose the packets of their pods until the time is over', async () => {
  await fault('cut', '--between', `${near.name},${far.name}`, '--for', '8s')
  expect(await ask('client')).toBe('')
  await vi.waitFor(async () => expect(await ask('client')).toBe('web'), { timeout: 30_000, interval: 200 })
  await vi.waitFor(async () => expect(await list()).toEqual([]), { timeout: 5_000, interval: 200 })
})

test('one direction alone, and a part of the packets alone, can be harmed', async () => {
  await fault('drop', '100%', '--from', 'pod/other', '--to', far.name)
  expect([await ask('other'), await ask('client')]).toEqual(['', 'web'])
  await fault('rate', '1mbit', '--between', `${near.name},${far.name}`)
  const [first, ...more] = (await list()).map(({ what }) => what)
  expect(new Set([first, ...more])).toEqual(new Set(['drop 100%', 'rate 1mbit']))
  // A single packet is never more than a rate.
  expect((await net('trace', 'pod/client', 'pod/web')).exitCode).toBe(0)
})

test.each([
  [['cut'], 'say --between A,B or --from A --to B'],
  [['cut', '--between', 'node-1,nobody'], 'nodes "nobody" not found'],
  [['cut', '--between', '10.0.0.1,10.0.0.2'], 'at least one end must be a node or a pod'],
  [['drop', '120%', '--between', 'node-1,node-2'], 'cannot read drop "120%": write 20%'],
  [['cut', '--between', 'node-1,node-2', '--for', '3h'], 'must be more than 0 and at most 60m'],
])('a fault that makes no sense is refused: %j', async (words, reason) => {
  const [verb = '', ...rest] = words
  const { exitCode, stderr } = await fault(verb, ...rest)
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining(reason)])
  expect(await list()).toEqual([])
})
