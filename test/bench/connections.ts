// Connections a second through a ClusterIP in each proxy mode, against the same connections straight to the endpoint.

import { join } from 'node:path'
import { isProxyMode } from '../../agent/proxy/modes.ts'
import { makeServicePort } from '../../agent/proxy/test-ports.ts'
import { run } from '../../cni/linux/exec.ts'
import { step } from '../../host/progress.ts'
import { NodeProxy } from '../packets/node-proxy.ts'
import { range } from '../support/figures.ts'
import type { Host } from '../support/namespaces.ts'
import { clusterIp, makeProxyNode, one, type ProxyNode } from '../support/proxy-node.ts'

/** IPVS wants modules that this kernel may not have: `scripts/test vm`. */
const modes = ['iptables', 'nftables', 'userspace'].filter(isProxyMode)
const proxyProgram = join(import.meta.dirname, '..', 'packets', 'main.ts')
const rounds = 5
const secondsPerRound = 2

/** Prints one row a mode. */
export async function benchConnections(): Promise<void> {
  const { net, hosts } = await makeProxyNode('conns')
  try {
    await prepare(net, hosts)
    for (const mode of modes) {
      const proxy = await NodeProxy.start(hosts.node, proxyProgram, mode, ['192.0.2.1', '::1'])
      await step(`connections a second, ${mode}`, () => proxy.apply(new Map([['default/web', [web]]])))
      const [direct, service]: [number[], number[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        direct.push(await rate(hosts.client, one.ip, one.port))
        service.push(await rate(hosts.client, clusterIp, 80))
      }
      const ratios = service.map((value, index) => value / (direct[index] ?? Number.NaN))
      console.log(`${mode.padEnd(10)} direct   ${range(direct, '/s')}`)
      console.log(`${mode.padEnd(10)} Service  ${range(service, '/s')}`)
      console.log(`${mode.padEnd(10)} ratio    ${range(ratios, '', 2)}`)
      await proxy.remove()
      await proxy.kill()
    }
  } finally {
    await net.close()
  }
}

const web = makeServicePort({ clusterIp, cluster: [one] })

async function prepare(net: ProxyNode['net'], { client, b1 }: ProxyNode['hosts']): Promise<void> {
  // 64,000 connections in TIME_WAIT would use the ports up within seconds.
  for (const host of [client, b1])
    await run('sysctl', ['-qw', 'net.ipv4.tcp_tw_reuse=1', 'net.ipv4.ip_local_port_range=1024 65535'], host)
  const program = join(import.meta.dirname, 'load', 'server.ts')
  await net.start(b1, process.execPath, [program, String(one.port)], 'listening')
}

async function rate(from: Host, address: string, port: number): Promise<number> {
  const program = join(import.meta.dirname, 'load', 'client.ts')
  return Number(await run(process.execPath, [program, address, String(port), String(secondsPerRound)], from))
}
