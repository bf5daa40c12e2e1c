// `cbr` as a plugin of others: Debian's podman and containerd, and chained with Debian's own plugins.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import { ForeignRuntimes } from '../support/foreign-runtimes.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'
import { PodCluster } from '../support/pod-nodes.ts'

let net: TestNetwork
let node: Host
let outside: Host
let runtimes: ForeignRuntimes

beforeAll(async () => {
  net = await TestNetwork.create('foreign')
  node = await net.addHost('node')
  outside = await net.addHost('outside')
  await net.connect(node, 'eth0', '192.0.2.1/24', outside, 'eth0', '192.0.2.2/24')
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  runtimes = new ForeignRuntimes(node)
})
afterAll(async () => {
  await runtimes?.close()
  await net?.close()
})

const ranges = [[{ subnet: '10.77.1.0/24' }], [{ subnet: 'fd00:77::/64' }]]
const reservationsDir = () => join(runtimes.directory, 'reservations')
const cbr = (more: object = {}) => ({
  type: 'cbr',
  bridge: 'cbr7',
  mtu: 1400,
  ipam: { ranges, dataDir: reservationsDir() },
  ...more,
})
const tuning = { type: 'tuning', sysctl: { 'net.core.somaxconn': '500' } }
const list = (...plugins: object[]) => ({ cniVersion: '1.0.0', name: 'test', plugins })

/** What is left of containers on the node. */
async function remains(): Promise<{ cables: string; reserved: string[]; elements: number }> {
  const tables = ['bridge', 'inet'].map((kind) =>
    run('nft', ['list', 'table', kind, 'fairlead-cbr7'], node).catch(() => ''),
  )
  return {
    cables: await run('ip', ['-o', 'link', 'show', 'master', 'cbr7'], node),
    reserved: readdirSync(join(reservationsDir(), 'test')).filter((name) => !name.startsWith('last-given')),
    elements: (await Promise.all(tables)).join('').match(/comment "pod /g)?.length ?? 0,
  }
}
const nothing = { cables: '', reserved: [], elements: 0 }

const hello = (from: Host, address: string, port = 80) =>
  vi.waitFor(async () => expect(await net.askTcp(from, address, port)).toBe('hello'), { timeout: 5_000 })

test.each([
  ['opens podman’s ports by itself', () => [cbr({ capabilities: { portMappings: true } }), tuning]],
  [
    'leaves podman’s ports to Debian’s portmap',
    () => [cbr(), { type: 'portmap', capabilities: { portMappings: true } }, tuning],
  ],
])('cbr %s; tuning comes after it', async (_, plugins) => {
  runtimes.configure(list(...plugins()))
  await runtimes.podmanRun('web', '--network', 'test', '--publish', '8080:80')
  const words =
    '{{(index .NetworkSettings.Networks "test").IPAddress}} {{(index .NetworkSettings.Networks "test").GlobalIPv6Address}}'
  const [ipv4 = '', ipv6 = ''] = (await runtimes.podman('inspect', 'web', '--format', words)).split(' ')
  expect(ipv4).toMatch(/^10\.77\.1\./)
  await hello(node, ipv4)
  await hello(node, `[${ipv6}]`)
  await hello(outside, '192.0.2.1', 8080)
  await hello(node, '127.0.0.1', 8080)
  expect(await runtimes.podman('exec', 'web', 'cat', '/proc/sys/net/core/somaxconn')).toBe('500')
  expect(await runtimes.podman('exec', 'web', 'cat', '/sys/class/net/eth0/mtu')).toBe('1400')
  await runtimes.podman('rm', '--force', '--time', '0', 'web')
  expect(await net.askTcp(outside, '192.0.2.1', 8080)).toBe('')
  expect(await remains()).toEqual(nothing)
})

test('two podman containers reach each other, and one that is stopped and started is attached anew', async () => {
  runtimes.configure(list(cbr()))
  await runtimes.podmanRun('one', '--network', 'test')
  await runtimes.podmanRun('two', '--network', 'test')
  const address = (name: string) =>
    runtimes.podman('inspect', name, '--format', '{{(index .NetworkSettings.Networks "test").IPAddress}}')
  const ask = async () => runtimes.podman('exec', 'one', 'nc', await address('two'), '80')
  await vi.waitFor(async () => expect(await ask()).toBe('hello'), { timeout: 5_000 })
  await runtimes.podman('stop', '--time', '0', 'two')
  expect((await remains()).reserved).toHaveLength(2)
  await runtimes.podman('start', 'two')
  await vi.waitFor(async () => expect(await ask()).toBe('hello'), { timeout: 5_000 })
  await runtimes.podman('rm', '--force', '--time', '0', 'one', 'two')
  expect(await remains()).toEqual(nothing)
})

test('containerd attaches by cbr, Debian’s bandwidth and tuning', async () => {
  runtimes.configure(list(cbr(), { type: 'bandwidth', ingressRate: 20_000_000, ingressBurst: 2_000_000 }, tuning))
  await runtimes.startContainerd()
  const running = runtimes.ctrRun('web')
  const reserved = async () => (await remains().catch(() => nothing)).reserved
  await vi.waitFor(async () => expect(await reserved()).toHaveLength(2), { timeout: 10_000 })
  const [ipv4 = '', ipv6 = ''] = (await reserved()).toSorted()
  await hello(node, ipv4)
  await hello(node, `[${ipv6}]`)
  expect(await run('tc', ['qdisc', 'show'], node)).toMatch(/tbf .* dev veth\w+ .*rate 20Mbit/)
  expect(
    await runtimes.ctr('task', 'exec', '--exec-id', 'look', 'web', '/bin/cat', '/proc/sys/net/core/somaxconn'),
  ).toBe('500\n')
  await runtimes.ctr('task', 'kill', '--signal', 'SIGKILL', 'web')
  await running
  expect(await remains()).toEqual(nothing)
})

test('the agent runs a list of the user’s own with Debian’s plugins, and undoes all when one of them fails', async () => {
  const cluster = await PodCluster.create({ topic: 'chain', kind: 'host-gw', switches: [1] })
  try {
    const [own] = cluster.nodes
    if (own === undefined) throw new Error('there is a node')
    const ipam = { ranges: own.self.ranges.map((subnet) => [{ subnet }]), dataDir: join(own.dataDir, 'reservations') }
    const plugins = [
      { type: 'cbr', bridge: 'cbr0', ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
      tuning,
    ]
    writeFileSync(join(own.dataDir, 'conf', '05-user.conflist'), JSON.stringify({ ...list(...plugins), name: 'user' }))
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' as const }]
    const bandwidth = { ingressRate: 20_000_000, ingressBurst: 2_000_000 }
    const pod = await cluster.addPod('web', own, { portMappings, bandwidth })
    await cluster.net.serve(pod.host, 'tcp', 80, 'web')
    expect(await cluster.net.askTcp(cluster.outside, '198.18.1.11', 8080)).toMatch(/^web /)
    expect(await own.show('tc', 'qdisc', 'show')).toContain('rate 20Mbit')
    expect(await own.ask('verify')).toEqual([])

    const before = await own.show('ip', '-o', 'link')
    // bandwidth shapes what a pod sends by an ifb device; where the kernel has none, it cannot, and says so.
    const hasIfb = await own.show('ip', 'link', 'add', 'ifb-test', 'type', 'ifb').then(
      () => true,
      () => false,
    )
    const limited = cluster.addPod('limited', own, { bandwidth: { egressRate: 20_000_000, egressBurst: 2_000_000 } })
    if (hasIfb) await limited
    else {
      await expect(limited).rejects.toThrow('CNI plugin bandwidth: create ifb')
      expect(await own.show('ip', '-o', 'link')).toBe(before)
    }
    await own.ask('collectGarbage', [])
    expect(await cluster.net.askTcp(cluster.outside, '198.18.1.11', 8080)).toBe('')
    expect(await own.show('ip', '-o', 'link')).not.toContain('veth')
  } finally {
    await cluster.close()
  }
})

afterEach(async () => {
  await runtimes.podman('rm', '--force', '--all', '--time', '0').catch(() => undefined /* there is none */)
})
