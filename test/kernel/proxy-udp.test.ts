// UDP has no end of a connection: a client that keeps its source port meets whatever connection tracking remembers. In every
// mode it must reach whoever serves now.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { OpenConnection } from '../packets/prober.ts'
import { PacketSuite } from '../packets/run.ts'
import { clusterAddresses, nodePort, type ServiceShape, servicePort } from '../packets/services.ts'
import { nodeAddresses, type PodName } from '../packets/topology.ts'

const program = join(import.meta.dirname, '../packets/main.ts')

function served(...ready: PodName[]): ServiceShape {
  return { index: 1, internal: 'Cluster', external: 'Cluster', endpoints: { ready } }
}

describe.each(['iptables', 'nftables', 'userspace'])('mode %s', (mode) => {
  let suite: PacketSuite
  const clients: OpenConnection[] = []

  beforeAll(async () => {
    suite = await PacketSuite.start({ mode, network: 'host-gw', program, timeoutSeconds: 0.5 })
  })

  afterAll(() => suite?.close())

  /** Who answers each of the clients, at last: a refusal of before may still wait in a socket. */
  const expectAll = async (answer: string) => {
    for (const client of clients)
      await vi.waitFor(async () => expect((await client.say()).split(' ')[0]).toBe(answer), { timeout: 3_000 })
  }

  test('clients that came before there was an endpoint reach the first', async () => {
    const families = ['ipv4', 'ipv6'] as const
    const address = clusterAddresses(served())
    // The node port is not yet anybody's: the node itself remembers the client.
    for (const family of families)
      clients.push(
        await suite.prober('outside').open(['udp', nodeAddresses['node-1'][family], nodePort(served(), 'udp')], 42_000),
      )
    await suite.serve(served())
    for (const family of families)
      clients.push(await suite.prober('client-1').open(['udp', address[family], servicePort], 42_000))
    for (const client of clients) expect(client.greeting).toMatch(/^(refused)?$/)
    await suite.serve(served('a1'))
    await expectAll('a1')
  })

  test('when an endpoint takes the place of another, its clients move', async () => {
    await suite.serve(served('b1'))
    await expectAll('b1')
  })

  test('clients outlive the last endpoint', async () => {
    await suite.serve(served())
    for (const client of clients) expect(await client.say()).toMatch(/^(refused)?$/)
    await suite.serve(served('a1'))
    await expectAll('a1')
  })

  test('an endpoint that joins leaves clients where they are', async () => {
    await suite.serve(served('a1', 'b1'))
    await expectAll('a1')
  })

  test('what changes while no proxy runs is heeded by its next life', async () => {
    await suite.startProxy('node-1')
    await suite.startProxy('node-2')
    await suite.serve(served('b1'))
    await expectAll('b1')
  })

  test('a Service that is deleted and made again is reached', async () => {
    await suite.forget(served())
    for (const client of clients) expect(await client.say()).not.toMatch(/^[ab]1/)
    await suite.serve(served('a1'))
    await expectAll('a1')
  })
})
