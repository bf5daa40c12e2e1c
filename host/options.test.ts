import { Command } from 'commander'
import { expect, test } from 'vitest'
import { clusterOptions, nodeOptions, serviceOptions } from './options.ts'

function parse(...words: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined })
  for (const option of [...clusterOptions(), ...serviceOptions(), ...nodeOptions()]) command.addOption(option)
  return command.parse(words, { from: 'user' }).opts()
}

test.each([
  ['--node-port-range', '32767-30000'],
  ['--node-port-range', '30000'],
  ['--load-balancer-pool', '192.0.2.9-192.0.2.1'],
  ['--load-balancer-pool', '192.0.2.0-2001:db8::1'],
  ['--cluster-domain', 'cluster local'],
  ['--cluster-domain', '%h'],
  ['--cluster-cidr', '10.244.0.0/16,10.245.0.0/16'],
  ['--service-cidr', '10.96.0.1/16'],
  ['--node-ip', '127.0.0.1'],
])('%s %s is refused before anything is done', (flag, value) => {
  expect(() => parse(flag, value)).toThrow(`argument '${value}' is invalid`)
})

test('what is taken is one word of a command line', () => {
  const pool = '192.0.2.1 - 192.0.2.9, 2001:DB8::100/120'
  expect(parse('--load-balancer-pool', pool, '--cluster-cidr', '10.244.0.0/16, fd00:0::/56')).toMatchObject({
    loadBalancerPool: '192.0.2.1-192.0.2.9,2001:DB8::100/120',
    clusterCidr: '10.244.0.0/16,fd00::/56',
    nodePortRange: '30000-32767',
    clusterDomain: 'cluster.local',
  })
})
