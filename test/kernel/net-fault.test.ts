// Faults by real packets: between two nodes and between pods of one node, one direction or both, until they end.

import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { Faults } from '../../agent/net/faults.ts'
import type { FaultFlow, FaultRequest } from '../../api/net/fault.ts'
import { run } from '../../cni/linux/exec.ts'
import { hasTable } from '../../cni/linux/nft.ts'
import { PolicyWorld } from '../support/policy-world.ts'

const table = 'inet fairlead-fault'
let world: PolicyWorld
let faults: Faults[]

const ips = {
  a: ['10.244.1.2', 'fd00:244:1::2'],
  b: ['10.244.1.3', 'fd00:244:1::3'],
  c: ['10.244.2.2', 'fd00:244:2::2'],
}
const nodes = [
  ['192.0.2.1', 'fd00:192::1', '10.244.1.0/24', 'fd00:244:1::/64'],
  ['192.0.2.2', 'fd00:192::2', '10.244.2.0/24', 'fd00:244:2::/64'],
] as const

beforeAll(async () => {
  world = await PolicyWorld.create('fault')
  for (const [name, [ipv4 = '', ipv6 = '']] of Object.entries(ips)) {
    const node = name === 'c' ? 2 : 1
    await world.addPod({ namespace: 'x', name, labels: {}, node, ipv4, ipv6, ports: [] }, [80])
  }
  faults = world.nodes.map(({ name, host }) => makeFaults(name, host.netns))
})

function makeFaults(nodeName: string, netns: string): Faults {
  const onError = (error: unknown) => {
    throw error
  }
  return new Faults({ nodeName, netns, onError, runtime: { listSandboxes: async () => [] } })
}

afterEach(async () => {
  for (const each of faults) await each.sweep()
})
afterAll(async () => await world?.close())

const flow = (from: readonly string[], to: readonly string[], title = 'a -> b'): FaultFlow => ({
  title,
  from: [...from],
  to: [...to],
})
const request = (more: Partial<FaultRequest>): FaultRequest => ({
  id: 'f1',
  kind: 'cut',
  durationMs: 60_000,
  flows: [],
  ...more,
})

/** How many of so many echoes from a pod, or from a node ("1"), come back. */
async function ping(from: string, address: string, count = 1): Promise<number> {
  const place = /^\d$/.test(from) ? world.nodes[Number(from) - 1]?.host : world.netnsOf(`x/${from}`)
  const words = ['-c', String(count), '-i', '0.01', '-W', '0.3', address]
  const text = await run('ping', words, place).catch(() => '0 received')
  return Number(/(\d+) received/.exec(text)?.[1])
}

test('a cut between nodes takes the packets of the nodes and of all their pods, in both families', async () => {
  await faults[0]?.begin(request({ flows: [flow(nodes[1], nodes[0])] }))
  await faults[1]?.begin(request({ flows: [flow(nodes[0], nodes[1])] }))
  for (const address of [...ips.c, '192.0.2.2']) {
    expect(await ping('a', address)).toBe(0)
    expect(await ping('1', address)).toBe(0)
  }
  expect(await ping('a', ips.b[0] ?? '')).toBe(1)
  const [listed] = (await faults[1]?.list()) ?? []
  // Echoes over IPv6 were not even sent: the neighbour was not found.
  expect(listed).toMatchObject({ id: 'f1', what: 'cut', packets: expect.toSatisfy((count: number) => count >= 4) })
  for (const each of faults) expect(await each.heal('f1')).toEqual(['f1'])
  for (const address of [...ips.c, '192.0.2.2'])
    await vi.waitFor(async () => expect(await ping('a', address)).toBe(1), { timeout: 5_000 })
  for (const { host } of world.nodes) expect(await hasTable(table, host)).toBe(false)
})

test('a cut between pods of one node leaves all others alone, and is told by verify with its name', async () => {
  await faults[0]?.begin(request({ flows: [flow(ips.a, ips.b, 'x/a -> x/b')] }))
  for (const address of ips.b) expect(await ping('a', address)).toBe(0)
  expect(await ping('a', ips.c[0] ?? '')).toBe(1)
  expect(await ping('1', ips.b[0] ?? '')).toBe(1)
  expect(await faults[0]?.verify()).toMatchObject([
    { owner: 'fault f1', detail: expect.stringMatching(/^cut: x\/a -> x\/b; ends in \d+ s/) },
  ])
  const text = await run('nft', ['list', 'table', ...table.split(' ')], world.nodes[0]?.host)
  expect(text).toContain('comment "fault f1 cut: x/a -> x/b"')
})

test('a part of the packets is lost by chance', async () => {
  await faults[1]?.begin(request({ kind: 'drop', percent: 30, flows: [flow(ips.a, ips.c)] }))
  const received = await ping('a', ips.c[0] ?? '', 300)
  // Six standard deviations around 210.
  expect(received).toBeGreaterThan(160)
  expect(received).toBeLessThan(260)
  expect((await faults[1]?.list())?.[0]?.packets).toBe(300 - received)
})

test('what is more than a rate is lost, in that direction alone', async () => {
  await faults[1]?.begin(request({ kind: 'rate', bitsPerSecond: 80_000, flows: [flow(ips.a, ips.c)] }))
  // Of 200 times 1,428 bytes the burst of 128 KiB passes, and 10 kB a second.
  const words = ['-c', '200', '-i', '0.002', '-s', '1400', '-W', '0.3', ips.c[0] ?? '']
  const received = async (from: string) =>
    Number(
      /(\d+) received/.exec(await run('ping', words, world.netnsOf(`x/${from}`)).catch((error) => String(error)))?.[1],
    )
  expect(await received('a')).toBeLessThan(160)
  expect(await received('b')).toBe(200)
})

test('a fault ends by itself in the kernel when its agent is gone, and the next agent removes what is left of it', async () => {
  const { name = '', host } = world.nodes[0] ?? {}
  const dead = makeFaults(name, host?.netns ?? '')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }) // its timer never fires
  await dead.begin(request({ durationMs: 1_500, flows: [flow(ips.a, ips.b)] }))
  vi.useRealTimers()
  expect(await ping('a', ips.b[0] ?? '')).toBe(0)
  await vi.waitFor(async () => expect(await ping('a', ips.b[0] ?? '')).toBe(1), { timeout: 10_000, interval: 100 })
  if (host !== undefined) expect(await hasTable(table, host)).toBe(true)
  await faults[0]?.sweep()
  if (host !== undefined) expect(await hasTable(table, host)).toBe(false)
})

test('a fault ends by itself, and another goes on', async () => {
  await faults[0]?.begin(request({ id: 'f1', durationMs: 300, flows: [flow(ips.a, ips.b)] }))
  await faults[0]?.begin(request({ id: 'f2', flows: [flow(ips.b, ips.c)] }))
  await vi.waitFor(async () => expect((await faults[0]?.list())?.map(({ id }) => id)).toEqual(['f2']), {
    timeout: 5_000,
  })
  expect(await ping('a', ips.b[0] ?? '')).toBe(1)
  expect(await ping('b', ips.c[0] ?? '')).toBe(0)
})

test.each([
  ['all rules', 'flush ruleset'],
  ['one chain', `delete chain ${table} f1-input`],
])('faults whose rules somebody else took are ended by time and by request: %s', async (_, text) => {
  const { host } = world.nodes[0] ?? {}
  await faults[0]?.begin(request({ id: 'f1', kind: 'rate', bitsPerSecond: 8_000, flows: [flow(ips.a, ips.b)] }))
  await faults[0]?.begin(request({ id: 'f2', durationMs: 600, flows: [flow(ips.b, ips.c)] }))
  await run('nft', ['-f', '-'], { ...host, input: text })
  expect(await faults[0]?.heal('f1')).toEqual(['f1'])
  await vi.waitFor(async () => expect(await faults[0]?.list()).toEqual([]), { timeout: 5_000 })
  if (host !== undefined) expect(await hasTable(table, host)).toBe(false)
})

test.each([
  ['outer packets of VXLAN', 4789, 0],
  ['outer packets of WireGuard', 51_820, 0],
  ['all other packets', 51_821, 1],
])('a packet is harmed once: of %s, at UDP port %i, %i', async (_, port, harmed) => {
  await faults[1]?.begin(request({ flows: [flow(nodes[0], nodes[1])] }))
  await run('bash', ['-c', `echo > /dev/udp/192.0.2.2/${port}`], world.nodes[0]?.host)
  expect((await faults[1]?.list())?.[0]?.packets).toBe(harmed)
})

test('delays are refused with what the kernel lacks, and nothing is changed', async () => {
  const canDelay = await run('unshare', ['--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem']).then(
    () => true,
    () => false,
  )
  const begin = faults[1]?.begin(request({ kind: 'delay', delayMs: 200, flows: [flow(nodes[1], nodes[0])] }))
  if (canDelay) {
    await begin
    const text = await run('ping', ['-c', '1', '192.0.2.1'], world.nodes[1]?.host)
    expect(Number(/time=([\d.]+)/.exec(text)?.[1])).toBeGreaterThan(199)
    return
  }
  await expect(begin).rejects.toThrow(/this node cannot delay packets: its kernel has no queueing discipline/)
  if (world.nodes[1] !== undefined) expect(await hasTable(table, world.nodes[1].host)).toBe(false)
  expect(await faults[1]?.list()).toEqual([])
})

test.each([
  [{ id: '1f' }, 'id: must be'],
  [{ kind: 'drop', percent: 101 }, 'percent: must be 0.01 to 100'],
  [{ durationMs: 1e9 }, 'durationMs: must be'],
  [{ flows: [flow(['10.0.0.1; flush ruleset'], ['10.0.0.2'])] }, '"10.0.0.1; flush ruleset" is no address'],
  [{ flows: [flow(['10.0.0.1'], ['10.0.0.2'], 'x" drop')] }, 'bad title'],
] as [Partial<FaultRequest>, string][])('what makes no sense is refused: %j', async (more, reason) => {
  await expect(faults[0]?.begin(request({ flows: [flow(ips.a, ips.b)], ...more }))).rejects.toThrow(reason)
})
