// The plugin `cbr` in a namespace that plays the node, with pods in namespaces of their own, started as any runtime would.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import type { CniResult } from '../../cni/spec.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const program = join(import.meta.dirname, '..', '..', 'cni', 'main.ts')
let net: TestNetwork
let node: Host
let dataDir: string
let pods: Host[]

beforeAll(async () => {
  net = await TestNetwork.create('cbr')
  node = await net.addHost('node')
  pods = [await net.addHost('pod0'), await net.addHost('pod1'), await net.addHost('pod2')]
})
afterAll(() => net?.close())
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'fairlead-cbr-'))
})
afterEach(async () => {
  await invoke('GC', '', '', { 'cni.dev/valid-attachments': [] })
  rmSync(dataDir, { recursive: true })
})

const config = (more: object = {}) => ({
  cniVersion: '1.1.0',
  name: 'pods',
  type: 'cbr',
  ipam: { subnet: '10.244.7.0/24', dataDir },
  ...more,
})

/** Runs the program in the node and returns what it said. */
async function invoke(command: string, containerId: string, netns: string, more: object = {}) {
  const env = { CNI_COMMAND: command, CNI_CONTAINERID: containerId, CNI_NETNS: netns, CNI_IFNAME: 'eth0' }
  const { exitCode, stdout } = await execa('nsenter', [`--net=${node.netns}`, process.execPath, program], {
    env,
    input: JSON.stringify(config(more)),
    reject: false,
  })
  return { exitCode, answer: stdout === '' ? undefined : JSON.parse(stdout) }
}

async function addPod(containerId: string, pod: Host, more: object = {}): Promise<CniResult> {
  const { exitCode, answer } = await invoke('ADD', containerId, pod.netns, more)
  expect(answer).toMatchObject({ cniVersion: '1.1.0' })
  expect(exitCode).toBe(0)
  return answer
}

const ipOf = ({ ips }: CniResult) => ips?.[0]?.address.split('/')[0] ?? ''
const reserved = () => readdirSync(join(dataDir, 'pods')).filter((name) => name !== 'last-given')
const ports = async () =>
  (await run('ip', ['-o', 'link', 'show', 'master', 'cbr0'], node)).split('\n').filter((line) => line !== '')

test('pods reach each other, the node, and see true addresses', async () => {
  const [a, b] = [await addPod('a', pods[0] as Host), await addPod('b', pods[1] as Host)]
  expect([ipOf(a), ipOf(b)]).toEqual(['10.244.7.2', '10.244.7.3'])
  await net.serve(pods[1] as Host, 'tcp', 8080, 'b')
  expect(await net.askTcp(pods[0] as Host, ipOf(b), 8080)).toBe('b 10.244.7.2')
  expect(await net.askTcp(node, ipOf(b), 8080)).toBe('b 10.244.7.1')
  await run('ping', ['-c1', '-W2', '10.244.7.1'], pods[0])
})

test('CHECK agrees with ADD, and names what was taken away', async () => {
  const result = await addPod('a', pods[0] as Host)
  expect(await invoke('CHECK', 'a', (pods[0] as Host).netns, { prevResult: result })).toMatchObject({ exitCode: 0 })
  await net.ip(pods[0] as Host, 'route del default')
  const { exitCode, answer } = await invoke('CHECK', 'a', (pods[0] as Host).netns, { prevResult: result })
  expect({ exitCode, answer }).toMatchObject({
    exitCode: 1,
    answer: { code: 101, details: "the pod's default route via 10.244.7.1 is gone" },
  })
})

test('DEL gives link and address back, twice over, and without the namespace', async () => {
  await addPod('a', pods[0] as Host)
  expect([reserved(), (await ports()).length]).toEqual([['10.244.7.2'], 1])
  expect(await invoke('DEL', 'a', '')).toEqual({ exitCode: 0, answer: undefined })
  expect([reserved(), (await ports()).length]).toEqual([[], 0])
  expect(await invoke('DEL', 'a', '/no/such/netns')).toEqual({ exitCode: 0, answer: undefined })
})

test('a freed address is not given out again at once', async () => {
  await addPod('a', pods[0] as Host)
  await invoke('DEL', 'a', '')
  expect(ipOf(await addPod('b', pods[0] as Host))).toBe('10.244.7.3')
})

test('a full range says so and leaves nothing behind', async () => {
  const ipam = { subnet: '10.244.7.0/30', dataDir }
  await addPod('a', pods[0] as Host, { ipam })
  const { exitCode, answer } = await invoke('ADD', 'b', (pods[1] as Host).netns, { ipam })
  expect({ exitCode, answer }).toMatchObject({
    exitCode: 1,
    answer: { code: 100, msg: 'no free address left in 10.244.7.0/30' },
  })
  expect([reserved(), (await ports()).length]).toEqual([['10.244.7.2'], 1])
})

test('an ADD that fails half-way undoes itself', async () => {
  const { exitCode, answer } = await invoke('ADD', 'a', '/run/netns/no-such-namespace')
  expect({ exitCode, answer }).toMatchObject({ exitCode: 1, answer: { code: 5 } })
  expect([reserved(), (await ports()).length]).toEqual([[], 0])
})

test('GC removes what belongs to no valid attachment, such as an ADD that was killed', async () => {
  await addPod('a', pods[0] as Host)
  await addPod('b', pods[1] as Host)
  await invoke('GC', '', '', { 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] })
  expect([reserved(), (await ports()).length]).toEqual([['10.244.7.3'], 1])
})

test('GC without a list of valid attachments is refused rather than taken for an empty one', async () => {
  await addPod('a', pods[0] as Host)
  expect(await invoke('GC', '', '')).toMatchObject({ exitCode: 1, answer: { code: 7 } })
  expect([reserved(), (await ports()).length]).toEqual([['10.244.7.2'], 1])
  // As libcni writes an empty one.
  expect(await invoke('GC', '', '', { 'cni.dev/valid-attachments': null })).toMatchObject({ exitCode: 0 })
  expect([reserved(), (await ports()).length]).toEqual([[], 0])
})

test('DEL succeeds after an ADD that refused what was asked for', async () => {
  const asked = { runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 80, hostIP: 'here' }] } }
  expect(await invoke('ADD', 'a', (pods[0] as Host).netns, asked)).toMatchObject({ exitCode: 1, answer: { code: 7 } })
  expect(await invoke('DEL', 'a', (pods[0] as Host).netns, asked)).toEqual({ exitCode: 0, answer: undefined })
})

test('ADDs at the same time never share an address', async () => {
  const results = await Promise.all(pods.map((pod, index) => addPod(`p${index}`, pod)))
  expect(new Set(results.map(ipOf)).size).toBe(pods.length)
})

test.each([
  ['an unknown version', { cniVersion: '9.9.9' }, 1, 'cniVersion "9.9.9"'],
  ['a bad subnet', { ipam: { subnet: '10.244.7/24', dataDir: '/tmp/x' } }, 7, 'ipam.subnet "10.244.7/24"'],
  [
    'a gateway elsewhere',
    { ipam: { subnet: '10.244.7.0/24', gateway: '10.244.8.1', dataDir: '/tmp/x' } },
    7,
    '"10.244.8.1"',
  ],
  ['a bad MTU', { mtu: 12 }, 7, 'mtu 12'],
  ['a bridge name too long', { bridge: 'a-much-too-long-name' }, 7, 'bridge "a-much-too-long-name"'],
])('%s is refused by name', async (_, more, code, message) => {
  const { exitCode, answer } = await invoke('ADD', 'a', (pods[0] as Host).netns, more)
  expect({ exitCode, answer }).toMatchObject({ exitCode: 1, answer: { code, msg: expect.stringContaining(message) } })
})

test('VERSION and STATUS answer', async () => {
  expect((await invoke('VERSION', '', '')).answer).toMatchObject({
    supportedVersions: ['0.3.1', '0.4.0', '1.0.0', '1.1.0'],
  })
  expect(await invoke('STATUS', '', '')).toEqual({ exitCode: 0, answer: undefined })
})
