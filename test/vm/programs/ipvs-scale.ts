// IPVS with many Services, on one node of the guest: what writing them costs, a restart, one change, and the first packet of
// a connection through the last of them. Usage: ipvs-scale.ts SERVICES ENDPOINTS-OF-EACH

import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { IpvsBackend } from '../../../agent/proxy/ipvs/ipvs-backend.ts'
import type { Endpoint, ServicePort } from '../../../agent/proxy/table.ts'
import { run } from '../../../cni/linux/exec.ts'
import { one, web } from '../../support/proxy-node.ts'
import { clusterCidrs, type IpvsNode, makeIpvsNode } from './ipvs-node.ts'
import { takeWrites, watchWrites } from './write-watch.ts'

const [services, endpoints] = process.argv.slice(2).map(Number) as [number, number]
const rounds = 400
const near = one.ip
let scene: IpvsNode

before(async () => {
  scene = await makeIpvsNode('scale')
  await scene.net.start(scene.hosts.b1, 'python3', ['-c', greeter], 'listening')
  watchWrites()
})

after(() => scene.close())

/** Says one byte to whoever comes, as connect-times.py expects. */
const greeter = `
import socket
server = socket.create_server(("", 9090), backlog=1024)
print("listening", flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(b"x")
    connection.close()
`

/** The last Service leads to one endpoint that is there; those of the others are not. */
function makeService(index: number, shift = 0): ServicePort {
  const isLast = index === services - 1
  const cluster = Array.from({ length: endpoints }, (_, at): Endpoint => {
    const number = index * endpoints + at + (at === 0 ? shift : 0)
    return { ip: `10.${245 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`, port: 8080, local: false }
  })
  const { nodePort: _, ...port } = web({ id: `default/s${index}:http`, clusterIp: addressOf(index), cluster })
  return isLast ? { ...port, cluster: [{ ip: near, port: 9090, local: true }] } : port
}

const addressOf = (index: number) => `10.96.${1 + (index >> 8)}.${index & 255}`
const table = () =>
  new Map(Array.from({ length: services }, (_, index) => [`default/s${index}`, [makeService(index)]] as const))
const make = () => new IpvsBackend({ clusterCidrs, netns: scene.hosts.node.netns })

async function timed(context: TestContext, what: string, work: () => Promise<void>): Promise<string[]> {
  takeWrites()
  const startedMs = performance.now()
  await work()
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(2)
  const writes = takeWrites()
  context.diagnostic(`${services} x ${endpoints}: ${what}: ${seconds} s, ${writes.length} programs that write`)
  return writes
}

test('all Services are written by as many programs as one', async (context) => {
  const writes = await timed(context, 'from nothing', () => make().apply(table()))
  // Settings, device, sets, rules of two families, and then the four texts of all Services.
  assert.ok(writes.length <= 10, writes.join('\n'))
})

test('a restart with nothing changed writes nothing', async (context) => {
  assert.deepEqual(await timed(context, 'restart', () => make().apply(table())), [])
})

test('one endpoint that changes costs one program', async (context) => {
  const backend = make()
  await backend.apply(table())
  const change = () => backend.apply(new Map([['default/s0', [makeService(0, 777)]]]))
  assert.deepEqual(await timed(context, 'one change', change), ['ipvsadm -R'])
  assert.deepEqual(await backend.verify(), [])
})

test('every connection through the last Service is made; what one costs is told beside a direct one', async (context) => {
  const targets = [`${near}:9090`, `${addressOf(services - 1)}:80`]
  const script = `${import.meta.dirname}/connect-times.py`
  const times: number[][] = JSON.parse(await run('python3', [script, String(rounds), ...targets], scene.hosts.client))
  assert.deepEqual(
    times.map((list) => list.length),
    [rounds, rounds],
  )
  const [direct = 0, through = 0] = times.map(median)
  const words = `through the last of ${services} ${through.toFixed(0)} us, ratio ${(through / direct).toFixed(2)}`
  context.diagnostic(`connect: direct ${direct.toFixed(0)} us, ${words}`)
})

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
