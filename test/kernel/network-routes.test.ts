// Routes between nodes, on a real kernel: the agent's part runs as its own process in a node's network namespace.

import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

let network: TestNetwork
let node: Host

beforeAll(async () => {
  network = await TestNetwork.create('route')
  node = await network.addHost('node')
  const peer = await network.addHost('peer')
  await network.connect(node, 'eth0', '192.0.2.1/24', peer, 'eth0', '192.0.2.2/24')
})

afterAll(async () => await network?.close())

/** Starts NodeNetwork on a cluster in memory. The steps may use client, nodes, peer(index), network, stop. */
async function inNode(steps: string): Promise<string> {
  const source = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../${path}`, import.meta.url)))
  const script = `
    import { execFileSync } from 'node:child_process'
    import { setTimeout as pause } from 'node:timers/promises'
    const { FakeClient } = await import(${source('api/client/fake-client.ts')})
    const { nodes } = await import(${source('api/resources/nodes.ts')})
    const { Informer } = await import(${source('api/client/informer.ts')})
    const { NodeNetwork } = await import(${source('agent/network/node-network.ts')})
    const client = new FakeClient()
    const peer = (index) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-' + index },
      spec: { podCIDR: '10.244.' + index + '.0/24' },
      status: { addresses: [{ type: 'InternalIP', address: '192.0.2.2' }] } })
    const routes = () => execFileSync('ip', ['route', 'show', 'proto', '96'], { encoding: 'utf8' })
    const until = async (isTrue) => { while (!isTrue()) await pause(20) }
    const stop = new AbortController()
    const followed = new Informer(client, nodes)
    const network = new NodeNetwork({ nodes: followed, nodeName: 'node-1', nodeIps: ["192.0.2.1"], kind: "host-gw", clusterCidrs: ["10.244.0.0/16"], confDir: '/nowhere',
      reservationsDir: '/nowhere', onError: (error) => { throw error } })
    ${steps}`
  return await run('node', ['--input-type=module', '-e', script], { ...node, signal: AbortSignal.timeout(20_000) })
}

test('nodes that come in a burst all get their route, and the end is heard at once', async () => {
  const printed = await inNode(`
    const running = Promise.all([followed.run(stop.signal), network.run(stop.signal)])
    for (let index = 2; index < 22; index++) { await client.create(nodes, peer(index)); await pause(3) }
    await until(() => routes().trim().split('\\n').length === 20)
    process.stdout.write(routes())
    await client.delete(nodes, { name: 'node-2' })
    await until(() => !routes().includes('10.244.2.0/24'))
    stop.abort()
    await running`)
  expect(printed).toContain('10.244.21.0/24 via 192.0.2.2')
  expect(await network.ip(node, 'route show proto 96')).not.toContain('10.244.2.0/24')
})

test('a new life removes the routes of nodes that went, and leaves those of others alone', async () => {
  await network.ip(node, 'route add 198.51.100.0/24 via 192.0.2.2')
  await inNode(`
    await client.create(nodes, peer(30))
    const running = Promise.all([followed.run(stop.signal), network.run(stop.signal)])
    await until(() => routes().startsWith('10.244.30.0/24') && routes().trim().split('\\n').length === 1)
    stop.abort()
    await running`)
  expect(await network.ip(node, 'route show')).toContain('198.51.100.0/24')
})
