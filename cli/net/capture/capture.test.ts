// The pcapng encoder read back by tcpdump, which shares nothing with it; and the pure parts around it.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { captureLimits } from '../../../api/net/capture.ts'
import type { NodeAgents } from '../node-agents.ts'
import { dissect } from './dissect.ts'
import { planFilter } from './filter.ts'
import { TimeOrder } from './order.ts'
import { openPcap } from './pcap.ts'
import { enhancedPacket, interfaceDescription, interfaceStatistics, nameResolution, sectionHeader } from './pcapng.ts'
import { followTaps, type OpenTap } from './run.ts'
import { findTaps, planTaps } from './taps.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-capture-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A SYN of 10.244.1.2:40000 for 10.96.0.7:80, in Ethernet. */
const syn = Buffer.from(
  '0a580af401010a580af401020800' +
    '45000028000040004006000a0af401020a600007' +
    '9c4000500000000100000000500272100000' +
    '0000',
  'hex',
)
const timeNs = 1_795_258_516_123_456_789n
const packet = { timeNs, data: syn, originalLength: syn.length }

function readBack(blocks: Buffer[], ...flags: string[]): string {
  const file = join(folder, 'x.pcapng')
  writeFileSync(file, Buffer.concat(blocks))
  return execFileSync('tcpdump', ['-r', file, '-n', ...flags], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

const head = [
  sectionHeader({ os: 'linux', application: 'test', comment: 'odd' }),
  interfaceDescription({
    name: 'node-1:eth0',
    description: 'node-1 eth0',
    filter: 'tcp',
    linkType: 1,
    snaplen: 65_535,
  }),
  interfaceDescription({
    name: 'web:eth0',
    description: 'node-2 default/web',
    filter: '',
    linkType: 1,
    snaplen: 65_535,
  }),
  nameResolution([
    ['10.244.1.2', 'client.default.pod'],
    ['fd00::1', 'web.default.svc'],
  ]),
]

test('tcpdump reads packets of several interfaces with times to the nanosecond', () => {
  const text = readBack(
    [
      ...head,
      enhancedPacket(0, packet, 'default/client > svc default/web'),
      enhancedPacket(1, { ...packet, timeNs: timeNs + 1n }),
      interfaceStatistics(0, timeNs, 1),
    ],
    '-tt',
    '--time-stamp-precision=nano',
  )
  const lines = text.trim().split('\n')
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(/^1795258516\.123456789 IP 10\.244\.1\.2\.40000 > 10\.96\.0\.7\.80: Flags \[S\]/)
  expect(lines[1]).toMatch(/^1795258516\.123456790 IP/)
})

test('a packet whose length is no multiple of four is read back byte for byte', () => {
  for (const length of [57, 58, 59, 60]) {
    const data = Buffer.concat([syn, Buffer.alloc(8, 0xab)]).subarray(0, length)
    const text = readBack(
      [...head, enhancedPacket(0, { ...packet, data, originalLength: 1500 }), enhancedPacket(0, packet)],
      '-xx',
    )
    const [first = ''] = text.split(/^\S.* IP /m).filter((part) => part.includes('0x0000'))
    const bytes = [...first.matchAll(/0x[0-9a-f]{4}:\s+((?:[0-9a-f]{2,4} ?)+)/g)].map(([, hex = '']) =>
      hex.replaceAll(' ', ''),
    )
    expect(bytes.join('')).toBe(data.toString('hex'))
  }
})

test("tcpdump's own stream is read, whatever the pieces it comes in", async () => {
  readBack(
    [...head, enhancedPacket(0, packet), enhancedPacket(0, packet)],
    '-w',
    join(folder, 'x.pcap'),
    '--time-stamp-precision=nano',
  )
  const whole = readFileSync(join(folder, 'x.pcap'))
  async function* pieces(size: number) {
    for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
  }
  for (const size of [1, 7, 1000]) {
    const stream = await openPcap(pieces(size))
    const found = []
    for await (const each of stream?.packets ?? []) found.push(each)
    expect(stream?.linkType).toBe(1)
    expect(found).toEqual([packet, packet])
  }
})

test('an empty stream is no capture, and a foreign one an error', async () => {
  async function* of(text: string) {
    if (text !== '') yield Buffer.from(text)
  }
  expect(await openPcap(of(''))).toBeUndefined()
  await expect(openPcap(of('this is not a capture at all'))).rejects.toThrow('no pcap stream')
})

test('packets of slow and quick streams come out in the order of their times, ties by rank', () => {
  const order = new TimeOrder<{ timeNs: bigint; rank: number }>(100)
  order.add({ timeNs: 30n, rank: 0 }, 0)
  order.add({ timeNs: 20n, rank: 4 }, 50)
  order.add({ timeNs: 20n, rank: 1 }, 60)
  order.add({ timeNs: 40n, rank: 0 }, 70)
  expect(order.take(99)).toEqual([])
  expect(order.take(100)).toEqual([
    { timeNs: 20n, rank: 1 },
    { timeNs: 20n, rank: 4 },
    { timeNs: 30n, rank: 0 },
  ])
  expect(order.drain()).toEqual([{ timeNs: 40n, rank: 0 }])
})

test('headers are put into one line, in a tunnel too, and what is cut off is no failure', () => {
  expect(dissect(syn)).toEqual({
    source: '10.244.1.2',
    destination: '10.96.0.7',
    text: '10.244.1.2:40000 > 10.96.0.7:80 TCP S',
  })
  const outer =
    '0a580af401010a580af4010208004500006a00004000401100000a59000b0a59000cc00012b500560000' + '0800000000000700'
  expect(dissect(Buffer.concat([Buffer.from(outer, 'hex'), syn])).text).toBe(
    '10.89.0.11:49152 > 10.89.0.12:4789 VXLAN 7 | 10.244.1.2:40000 > 10.96.0.7:80 TCP S',
  )
  for (let length = 0; length < syn.length; length++) expect(dissect(syn.subarray(0, length)).text).not.toBe('')
})

test('links of the node are asked for addresses, those of the pod are not; a tunnel is looked into', () => {
  const node = { node: 'node-1' }
  const scope = { addresses: ['10.244.1.2', 'fd00::2'], ports: [] }
  const uplink = { place: node, device: 'eth0', role: 'uplink' } as const
  expect(planFilter({ place: node, device: 'v', role: 'port', peer: 'default/web' }, scope, 'tcp', undefined)).toBe(
    'tcp',
  )
  expect(planFilter(uplink, scope, 'tcp', undefined)).toBe('(host 10.244.1.2 or host fd00::2) and (tcp)')
  const tunnelled = planFilter(uplink, scope, '', 4789)
  expect(tunnelled).toContain('udp port 4789 and ((udp[42:4] = 0x0af40102) or (udp[46:4] = 0x0af40102)')
  expect(() => execFileSync('tcpdump', ['-d', '-y', 'EN10MB', '--', tunnelled], { stdio: 'pipe' })).not.toThrow()
})

test('a Service with more endpoints than a filter can name is told by its ports', () => {
  const scope = { addresses: Array.from({ length: 250 }, (_, at) => `10.244.1.${at}`), ports: [80] }
  const place = { node: 'node-1' }
  const ports = '(port 80 or icmp or icmp6) and (tcp)'
  expect(planFilter({ place, device: 'cbr0', role: 'bridge' }, scope, 'tcp', 4789)).toBe(ports)
  expect(planFilter({ place, device: 'eth0', role: 'uplink' }, scope, 'tcp', 4789)).toBe(
    `(${ports}) or (udp port 4789)`,
  )
  const few = { ...scope, addresses: scope.addresses.slice(0, 100) }
  const targets = [few, few].map((each, at) => ({ title: `${at}`, nodes: ['node-1'], pods: [], scope: each }))
  const [tap] = planTaps([{ place, device: 'cbr0', role: 'bridge' }], targets, 'tcp')
  expect(tap?.filter.length).toBeLessThanOrEqual(captureLimits.filterLength)
})

test('a stream of many packets is read without copying the rest for each', async () => {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b23c4d, 0)
  const chunk = Buffer.concat([header, Buffer.alloc(16 * 1_000)])
  async function* whole() {
    yield chunk
  }
  const stream = await openPcap(whole())
  const concat = vi.spyOn(Buffer, 'concat')
  let count = 0
  for await (const { data } of stream?.packets ?? []) count += data.length === 0 ? 1 : 0
  expect(count).toBe(1_000)
  expect(concat).not.toHaveBeenCalled()
  concat.mockRestore()
})

/** A tap whose only packet is there at once, and whose stream goes on. */
const tap = (): OpenTap => {
  async function* packets() {
    yield packet
    await new Promise(() => undefined)
  }
  const hop = { place: { node: 'node-1' }, device: 'eth0', role: 'uplink' } as const
  return { hop, filter: '', rank: 0, stream: { linkType: 1, snaplen: 65_535, packets: packets() } }
}

test('what cannot be written ends the capture, with the reason', async () => {
  const following = followTaps(
    [tap()],
    new AbortController().signal,
    () => {
      throw new Error('no space left on device')
    },
    () => undefined,
  )
  await expect(following).rejects.toThrow('no space left on device')
})

test('a reader of stdout that is slower than the packets gets them all', () => {
  const program = join(folder, 'program.ts')
  const here = import.meta.dirname
  writeFileSync(
    program,
    `import { PcapngOutput } from '${here}/outputs.ts'
     import { Names } from '${here}/names.ts'
     const taps = [{ hop: { place: { node: 'n' }, device: 'eth0', role: 'uplink' }, filter: '', rank: 0, stream: { linkType: 1, snaplen: 1 } }]
     const output = new PcapngOutput('-', taps, new Names({ nodes: [], services: [], pods: [] }), '')
     for (let at = 0; at < 300; at++) output.write({ tap: 0, rank: 0, timeNs: 1n, data: Buffer.alloc(1_000), originalLength: 1_000 })
     output.close()`,
  )
  const text = execFileSync('bash', [
    '-o',
    'pipefail',
    '-c',
    `"$0" "$1" | { sleep 0.5; wc -c; }`,
    process.execPath,
    program,
  ])
  expect(Number(text)).toBeGreaterThan(300_000)
})

test('a pod in the network of its node, or that has gone, is told of and takes nobody along', async () => {
  const hops = [{ place: { node: 'node-1' }, device: 'eth0', role: 'uplink' }]
  const agents: Pick<NodeAgents, 'json'> = { json: <T>() => Promise.resolve(hops as T) }
  const target = { title: '', nodes: ['node-1'], pods: [{ node: 'node-1', pod: 'default/web' }] }
  const told: string[] = []
  const taps = await findTaps(agents, [{ ...target, scope: { addresses: [], ports: [] } }], '', (node, { message }) =>
    told.push(`${node}: ${message}`),
  )
  expect(taps.map(({ hop }) => hop.device)).toEqual(['eth0'])
  expect(told).toEqual(['node-1: pod default/web has no network of its own there'])
})
