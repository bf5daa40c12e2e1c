// What all modes share: an agent that comes back in another mode takes the Services over, whatever somebody else breaks is
// seen and mended, and a restart writes nothing.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import type { Ask, OpenConnection } from '../packets/prober.ts'
import { PacketSuite } from '../packets/run.ts'
import { clusterAddresses, type Endpoints, nodePort, type ServiceShape, servicePort } from '../packets/services.ts'
import { nodeAddresses, nodeNames } from '../packets/topology.ts'

const program = join(import.meta.dirname, '../packets/main.ts')
const modes = ['iptables', 'nftables', 'userspace']
let suite: PacketSuite

beforeAll(async () => {
  suite = await PacketSuite.start({ mode: 'iptables', network: 'host-gw', program, timeoutSeconds: 2 })
})

afterAll(() => suite?.close())

function served(endpoints: Endpoints): ServiceShape {
  return { index: 1, internal: 'Cluster', external: 'Cluster', endpoints }
}

const both = served({ ready: ['a1', 'b1'] })
const asks: Ask[] = (['ipv4', 'ipv6'] as const).flatMap((family) => [
  ['tcp', clusterAddresses(both)[family], servicePort],
  ['udp', clusterAddresses(both)[family], servicePort],
])
const throughNode: Ask = ['tcp', nodeAddresses['node-1'].ipv4, nodePort(both, 'tcp')]

/** Everything in node-1's kernel that a mode may have written. */
async function kernelOf(): Promise<string> {
  const host = suite.topology.host('node-1')
  const texts = [await run('iptables-save', [], host), await run('ip6tables-save', [], host)]
  return [...texts, await run('nft', ['list', 'ruleset'], host)].join('\n')
}

/** Words by which each mode's writings are known. */
const traces: Record<string, RegExp> = {
  iptables: /KUBE-SEP-/,
  nftables: /table ip6? kube-proxy/,
  userspace: /DNAT --to-destination 192\.0\.2\.11/,
}

const startIn = async (mode: string) => {
  await Promise.all(nodeNames.map((node) => suite.startProxy(node, mode)))
  await suite.serve(both)
}

const expectAllServed = async () => {
  for (const host of ['client-1', 'node-1'] as const)
    for (const answer of await suite.prober(host).ask(asks)) expect(answer).toMatch(/^[ab]1 /)
  expect(await suite.prober('outside').ask([throughNode])).toEqual([expect.stringMatching(/^[ab]1 /)])
}

// A walk over all ordered pairs.
describe.each([
  ['iptables', 'nftables'],
  ['nftables', 'userspace'],
  ['userspace', 'iptables'],
  ['iptables', 'userspace'],
  ['userspace', 'nftables'],
  ['nftables', 'iptables'],
])('from %s to %s', (from, to) => {
  let connection: OpenConnection

  beforeAll(async () => {
    await startIn(from)
    connection = await suite.prober('client-1').open(['tcp', clusterAddresses(both).ipv4, servicePort])
    await startIn(to)
  })

  test('Services are served, and of the old mode nothing is left', async () => {
    await expectAllServed()
    const kernel = await kernelOf()
    expect(modes.filter((mode) => traces[mode]?.test(kernel))).toEqual([to])
    expect(await suite.proxy('node-1').verify()).toEqual([])
  })

  test(from === 'userspace' ? 'connections end with the process that held them' : 'connections go on', async () => {
    const [answerer] = connection.greeting.split(' ')
    const wanted = from === 'userspace' ? /^(|reset|error.*)$/ : new RegExp(`^${answerer} `)
    expect(await connection.say()).toMatch(wanted)
  })
})

describe.each(modes)('mode %s', (mode) => {
  beforeAll(() => startIn(mode))

  test('what somebody flushed is told of, and comes back', async () => {
    const host = suite.topology.host('node-1')
    const breakIt =
      mode === 'nftables' ? ['flush', 'chain', 'ip', 'kube-proxy', 'services'] : ['flush', 'table', 'ip', 'nat']
    await run('nft', breakIt, host)
    expect((await suite.proxy('node-1').verify()).length).toBeGreaterThan(0)
    await suite.proxy('node-1').resync()
    expect(await suite.proxy('node-1').verify()).toEqual([])
    await expectAllServed()
  })

  test('a client of an endpoint that drains goes on, and hears when it is gone', async () => {
    await suite.serve(served({ ready: ['b1'] }), { ...both, index: 2 })
    await suite.serve(served({ ready: ['a1'] }))
    const connection = await suite.prober('client-1').open(['tcp', clusterAddresses(both).ipv4, servicePort])
    await suite.serve(served({ ready: ['b1'], terminating: ['a1'] }))
    expect(await connection.say()).toMatch(/^a1 /)
    await suite.serve(served({ ready: ['b1'] }))
    await vi.waitFor(async () => expect(await connection.say()).toMatch(/^(reset|error.*)$/), { timeout: 5_000 })
    await suite.forget({ ...both, index: 2 })
  })
})

test.each(['iptables', 'nftables'])('a new life in mode %s that wants the same writes nothing', async (mode) => {
  await startIn(mode)
  await expectAllServed()
  const host = suite.topology.host('node-1')
  const writes = async () => (await run('nft', ['-a', 'list', 'ruleset'], host)).match(/handle \d+/g)
  const before = await writes()
  await startIn(mode)
  expect(await writes()).toEqual(before)
})
