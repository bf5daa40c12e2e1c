import { pino } from 'pino'
import { expect, test } from 'vitest'
import { validateRanges } from './address-ranges.ts'
import { makeProgram, parseDuration, type ServeFlags } from './options.ts'
import { serve } from './serve.ts'

async function serveWith(...flags: string[]): Promise<ServeFlags> {
  const chosen = Promise.withResolvers<ServeFlags>()
  const program = makeProgram({ serve: async (options) => chosen.resolve(options), issueNode: async () => {} })
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} })
  await program.parseAsync(['serve', ...flags], { from: 'user' })
  return await chosen.promise
}

test('flags have defaults that suit most clusters', async () => {
  expect(await serveWith('--advertise-address', '10.0.0.1')).toMatchObject({
    bindAddress: '0.0.0.0',
    port: 6443,
    advertiseAddress: '10.0.0.1',
    serviceCidr: ['10.96.0.0/16'],
    clusterCidr: ['10.244.0.0/16'],
    nodePortRange: { from: 30_000, to: 32_767 },
    nodeMonitorGracePeriod: 40_000,
    podEvictionWait: 300_000,
  })
})

test.each([
  ['--service-cidr', '10.96.0.0', 'Expected a range such as 10.96.0.0/16'],
  ['--cluster-cidr', '10.244.1.0/16', 'did you mean 10.244.0.0/16?'],
  ['--service-cidr', '10.96.0.0/16,10.97.0.0/16', 'at most one IPv4 and one IPv6'],
  ['--port', '70000', 'Expected a port number'],
  ['--bind-address', 'localhost', 'Expected an IP address'],
  ['--advertise-address', '127.0.0.1', 'It is a loopback address'],
  ['--node-port-range', '32767-30000', 'Expected a range of ports'],
  ['--pod-eviction-wait', 'soon', 'Expected a time'],
  ['--network', 'vxln', 'Allowed choices are host-gw, vxlan, wireguard'],
  ['--proxy-mode', 'iptable', 'Allowed choices are iptables, ipvs, nftables, userspace, none'],
  ['--cluster-domain', 'cluster.local.', 'Expected a domain such as cluster.local'],
])('%s %s is refused and says what is expected', async (flag, value, message) => {
  await expect(serveWith(flag, value)).rejects.toThrow(message)
})

test('times are read with their units', () => {
  expect(['12s', '1m30s', '500ms', '7', '2h'].map(parseDuration)).toEqual([12_000, 90_000, 500, 7_000, 7_200_000])
})

test('ranges that overlap are refused', () => {
  expect(() => validateRanges(['10.96.0.0/16'], ['10.0.0.0/8'])).toThrow('overlap')
  expect(() => validateRanges(['10.96.0.0/16'], ['10.97.0.0/16'])).not.toThrow()
  expect(() => validateRanges(['fd00::/112'], ['10.97.0.0/16'])).not.toThrow()
})

test.each(['10.96.0.0/31', '0.0.0.0/0', 'fd00::/64'])('%s is no range of Services', (range) => {
  expect(() => validateRanges([range], [])).toThrow(`--service-cidr: service range ${range} must be an IPv4 CIDR of /8`)
})

test('addresses and ranges are taken in one form, however they are written', async () => {
  const flags = ['--advertise-address', 'FD00:0::1', '--service-cidr', '10.96.0.0/16,FD00:10:0::/112']
  const expected = { advertiseAddress: 'fd00::1', serviceCidr: ['10.96.0.0/16', 'fd00:10::/112'] }
  expect(await serveWith(...flags)).toMatchObject(expected)
})

test('a range of Services without an address for DNS is refused before anything is written', async () => {
  const options = await serveWith('--data-dir', '/nonexistent', '--service-cidr', '10.96.0.248/29')
  await expect(
    serve({ ...options, advertiseAddress: '10.0.0.1' }, pino({ enabled: false }), new AbortController().signal),
  ).rejects.toThrow(
    "--service-cidr: 10.96.0.248/29 has no address 10 after its first, which the cluster's DNS server would have",
  )
})
