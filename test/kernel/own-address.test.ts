// The address by which a host is reached, as the kernel shows it to a process of that host.

import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HostAddress } from '../../api/net/host-address.ts'
import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const module = join(import.meta.dirname, '../../api/net/own-address.ts')
let net: TestNetwork
let host: Host
let neighbour: Host

beforeAll(async () => {
  net = await TestNetwork.create('ownaddr')
  host = await net.addHost('host')
  neighbour = await net.addHost('neighbour')
  await net.connect(host, 'lan', '192.0.2.1/24', neighbour, 'lan', '192.0.2.2/24')
  await net.connect(host, 'uplink', '198.51.100.1/24', neighbour, 'uplink', '198.51.100.2/24')
})
afterAll(async () => await net?.close())

const ask = async (program: string): Promise<HostAddress | undefined> => {
  const source = `import { readOwnAddress, stopWhenMoved } from '${module}'; console.log(JSON.stringify(${program}) ?? 'null')`
  return JSON.parse(await run(process.execPath, ['--input-type=module', '-e', source], host)) ?? undefined
}

test('it is that of the default route, and without one that of the link', async () => {
  expect((await ask('readOwnAddress()'))?.isOfDefaultRoute).toBe(false)
  await net.ip(host, 'route add default via 198.51.100.2')
  const own = { dev: 'uplink', address: '198.51.100.1', prefix: 24, isOfDefaultRoute: true }
  expect(await ask('readOwnAddress()')).toEqual(own)
  await net.ip(host, 'addr add 198.51.100.200/32 dev uplink')
  expect(await ask('readOwnAddress()')).toEqual(own)
})

test('an IPv6 address counts where the default route has no other, but none that is deprecated', async () => {
  await net.ip(host, 'route del default')
  await net.connect(host, 'six', '2001:db8::7/64', neighbour, 'six', '2001:db8::1/64')
  await net.ip(host, '-6 addr add 2001:db8::6/64 dev six preferred_lft 0 nodad')
  await net.ip(host, '-6 route add default via 2001:db8::1')
  expect(await ask('readOwnAddress()')).toEqual({
    dev: 'six',
    address: '2001:db8::7',
    prefix: 64,
    isOfDefaultRoute: true,
  })
  await net.ip(host, 'link del six')
})

test('another lease on the same link is told, when the old address has gone', async () => {
  await net.ip(host, 'route add default via 198.51.100.2')
  const known = JSON.stringify(await ask('readOwnAddress()'))
  const moved = ask(`await new Promise((tell) => stopWhenMoved(${known}, new AbortController(), tell))`)
  await net.ip(host, 'addr del 198.51.100.1/24 dev uplink')
  await net.ip(host, 'addr add 198.51.100.9/24 dev uplink')
  expect(await moved).toEqual({ was: '198.51.100.1', now: '198.51.100.9' })
})
