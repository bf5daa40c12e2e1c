// Which packets a trace's counters count: the one that was sent to prove it, by its mark, and no others that happen to have it.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { endWatch, readWatch, startWatch } from '../../agent/net/watch.ts'
import type { Flow, TraceProtocol } from '../../api/net/trace.ts'
import { run } from '../../cni/linux/exec.ts'
import { sendPacket } from '../../cni/linux/sender.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const mark = 0x4d21
const port = 9_000
let net: TestNetwork
let host: Host

beforeAll(async () => {
  net = await TestNetwork.create('watch')
  host = await net.addHost('one')
  // Somebody else's packets that have the same identification, as every one in 65,536 of a bulk transfer does.
  await run('nft', ['-f', '-'], {
    ...host,
    input: `table inet foreign {
      chain output { type filter hook output priority -300; udp dport 9001 ip id set ${mark}; }
    }`,
  })
})
afterAll(async () => await net?.close())

const flowOf = (protocol: TraceProtocol, destination: string): Flow => ({
  protocol,
  destination,
  port: protocol === 'icmp' ? 0 : port,
  sourcePort: 41_000,
})

async function count(flow: Flow): Promise<number[]> {
  await startWatch({ id: 'test', mark, protocol: flow.protocol, begin: { hook: 'output', flow } }, host)
  try {
    await run('bash', ['-c', 'printf %100s > /dev/udp/127.0.0.1/9001'], host)
    await sendPacket({ ...flow, timeoutMs: 300 }, host)
    const seen = await readWatch('test', { node: 'one' }, host)
    return seen.filter(({ entered }) => entered > 0).map(({ entered, left }) => entered + left)
  } finally {
    await endWatch('test', host)
  }
}

test.each([
  ['tcp', '127.0.0.1'],
  ['udp', '127.0.0.1'],
  ['icmp', '127.0.0.1'],
  ['tcp', '::1'],
  ['udp', '::1'],
  ['icmp', '::1'],
] as const)(
  'of %s to %s the first packet is counted at every hook it comes to, and nobody else’s',
  async (protocol, to) => {
    // Out, behind that, in, and to the socket: each when it comes and when it leaves.
    expect(await count(flowOf(protocol, to))).toEqual([2, 2, 2, 2])
  },
)
