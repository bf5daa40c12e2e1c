// A rolling update in IPVS mode: four servers are replaced one by one, as a Deployment does it, while a client opens as many
// connections as the guest serves. Not one may be lost.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { ConnectionCleaner } from '../../../agent/proxy/connection-cleaner.ts'
import { createBackend } from '../../../agent/proxy/modes.ts'
import type { Endpoint, ServicePort } from '../../../agent/proxy/table.ts'
import { connectionsPerSecond, describeLoad, type Load, leastOpened } from '../../support/paced-client.ts'
import { clusterIp, makeProxyNode, type ProxyNode, web } from '../../support/proxy-node.ts'
import { clusterCidrs } from './ipvs-node.ts'

const replicas = 4
/** An emulated machine takes longer than the two seconds of a real one to accept whom it has let in. */
const drainSeconds = 10
const besides = (file: string) => `${import.meta.dirname}/${file}`
let scene: ProxyNode

before(async () => {
  scene = await makeProxyNode('update')
})
after(() => scene.net.close())

/** A pod's server, and how the proxy knows it. */
interface Pod {
  endpoint: Endpoint
  /** As a kubelet does it; resolves when it has ended by itself. */
  end(): Promise<void>
}

/** Pods stand in turn in the two hosts behind the node, each on ports of its own. */
async function startPod(index: number): Promise<Pod> {
  const [host, ip] =
    index % 2 === 0 ? ([scene.hosts.b1, '10.244.2.2'] as const) : ([scene.hosts.b2, '10.244.3.2'] as const)
  const port = 9000 + 10 * index
  const facts = [`PORT=${port}`, `POD_NAME=pod-${index}`, `DRAIN_SECONDS=${drainSeconds}`]
  const words = [...facts, process.execPath, besides('images-testbox-server-main.mjs'), 'serve']
  const server = await scene.net.start(host, 'env', words, 'serving as')
  const end = async () => {
    const exited = once(server, 'exit')
    server.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
  }
  return { endpoint: { ip, port, local: true }, end }
}

/** Calls the Service for as long as the work takes. */
async function loadWhile(work: () => Promise<void>): Promise<Load> {
  const words = [process.execPath, besides('paced-client.mjs'), `http://${clusterIp}`, String(connectionsPerSecond)]
  const client = spawn('nsenter', [`--net=${scene.hosts.client.netns}`, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const said = text(client.stdout)
  try {
    await work()
  } finally {
    client.stdin.end()
  }
  return JSON.parse(await said)
}

test('a rolling update under as many connections as the guest serves loses none', async (context) => {
  const options = { clusterCidrs, netns: scene.hosts.node.netns }
  const backend = createBackend('ipvs', options)
  const cleaner = new ConnectionCleaner(options, backend)
  const serve = async (pods: readonly Pod[]) => {
    const changes = new Map<string, ServicePort[]>([
      ['default/web', [web({ cluster: pods.map(({ endpoint }) => endpoint) })]],
    ])
    await backend.apply(changes)
    await cleaner.clean(changes)
  }
  const pods: Pod[] = []
  for (let index = 0; index < replicas; index++) pods.push(await startPod(index))
  await serve(pods)
  const load = await loadWhile(async () => {
    for (let index = 0; index < replicas; index++) {
      pods.push(await startPod(replicas + index))
      await serve(pods)
      const oldest = pods.shift() as Pod
      // The pod hears of its end when the proxies do, not after them.
      await Promise.all([oldest.end(), serve(pods)])
    }
  })
  context.diagnostic(describeLoad(load))
  assert.deepEqual(load.failed, {})
  assert.ok(load.opened > leastOpened, `${load.opened} connections`)
  assert.equal(Object.keys(load.answeredBy).length, 2 * replicas)
})
