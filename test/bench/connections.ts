// Connections a second through a ClusterIP in each proxy mode, against the same connections straight to the endpoint.

import { join } from 'node:path'
import { isProxyMode } from '../../agent/proxy/modes.ts'
import { makeServicePort } from '../../agent/proxy/test-ports.ts'
import { run } from '../../cni/linux/exec.ts'
import { step } from '../../host/progress.ts'
import { NodeProxy } from '../packets/node-proxy.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'
import { range } from './figures.ts'

/** IPVS wants modules that this kernel may not have: `scripts/test vm`. */
const modes = ['iptables', 'nftables', 'userspace'].filter(isProxyMode)
const proxyProgram = join(import.meta.dirname, '..', 'packets', 'main.ts')
const rounds = 5
const secondsPerRound = 2
const clusterIp = '10.96.0.5'
const endpointIp = '10.244.2.2'

/** Prints one row a mode. */
export async function benchConnections(): Promise<void> {
  const net = await TestNetwork.create('conns')
  try {
    const { node, client } = await build(net)
    for (const mode of modes) {
      const proxy = await NodeProxy.start(node, proxyProgram, mode, ['10.244.1.1', '::1'])
      await step(`connections a second, ${mode}`, () => proxy.apply(new Map([['default/web', [web]]])))
      const [direct, service]: [number[], number[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        direct.push(await rate(client, endpointIp, 8080))
        service.push(await rate(client, clusterIp, 80))
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

const web = makeServicePort({
  id: 'default/web',
  clusterIp,
  cluster: [{ ip: endpointIp, port: 8080, local: true }],
})

async function build(net: TestNetwork): Promise<{ node: Host; client: Host }> {
  const node = await net.addHost('node')
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  const pod = async (name: string, index: number): Promise<Host> => {
    const host = await net.addHost(name)
    await net.connect(node, `to-${name}`, `10.244.${index}.1/24`, host, 'eth0', `10.244.${index}.2/24`)
    await net.ip(host, `route add default via 10.244.${index}.1`)
    // 64,000 connections in TIME_WAIT would use the ports up within seconds.
    await run('sysctl', ['-qw', 'net.ipv4.tcp_tw_reuse=1', 'net.ipv4.ip_local_port_range=1024 65535'], host)
    return host
  }
  const [client, server] = [await pod('client', 1), await pod('server', 2)]
  await net.ip(node, 'route add 10.96.0.0/16 dev to-client')
  await net.start(server, process.execPath, [join(import.meta.dirname, 'load', 'server.ts'), '8080'], 'listening')
  return { node, client }
}

async function rate(from: Host, address: string, port: number): Promise<number> {
  const program = join(import.meta.dirname, 'load', 'client.ts')
  return Number(await run(process.execPath, [program, address, String(port), String(secondsPerRound)], from))
}
