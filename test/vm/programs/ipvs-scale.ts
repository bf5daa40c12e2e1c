// IPVS with many Services, or with many endpoints, on one node of the guest: what writing them costs, a restart, one change,
// and the first packet of a connection through the last of them. Usage: ipvs-scale.ts SERVICESxENDPOINTS-OF-EACH...

import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { IpvsBackend } from '../../../agent/proxy/ipvs/ipvs-backend.ts'
import { removeIpvsRules } from '../../../agent/proxy/ipvs/remove.ts'
import type { Endpoint, ServicePort } from '../../../agent/proxy/table.ts'
import { run } from '../../../cni/linux/exec.ts'
import { type Cost, describeCosts, measureCost } from '../../support/cost.ts'
import { median } from '../../support/figures.ts'
import { makeProxyNode, one, type ProxyNode, web } from '../../support/proxy-node.ts'
import { clusterCidrs } from './ipvs-node.ts'
import { takeWrites, watchWrites } from './write-watch.ts'

interface Size {
  services: number
  /** Of each. */
  endpoints: number
}

const sizes = process.argv.slice(2).map((words): Size => {
  const [services = Number.NaN, endpoints = Number.NaN] = words.split('x').map(Number)
  return { services, endpoints }
})
const rounds = 400
const changes = 11
const near = one.ip
let scene: ProxyNode

before(async () => {
  scene = await makeProxyNode('scale')
  await scene.net.start(scene.hosts.b1, 'python3', ['-c', greeter], 'listening')
  watchWrites()
})

after(() => scene.net.close())

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

/** With a shift, the first endpoint is another one. */
function makeService(index: number, size: number, shift = 0): ServicePort {
  const cluster = Array.from({ length: size }, (_, at): Endpoint => {
    const number = index * size + at + (at === 0 ? shift * 0x8_0000 : 0)
    return { ip: `10.${240 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`, port: 8080, local: false }
  })
  return makePort(index, cluster)
}

function makePort(index: number, cluster: Endpoint[]): ServicePort {
  const { nodePort: _, ...port } = web({ id: `default/s${index}:http`, clusterIp: addressOf(index), cluster })
  return port
}

const addressOf = (index: number) => `10.96.${1 + (index >> 8)}.${index & 255}`
const make = () => new IpvsBackend({ clusterCidrs, netns: scene.hosts.node.netns })

/** The last of many Services leads to the one endpoint that is there. */
function makeTable({ services, endpoints }: Size): Map<string, ServicePort[]> {
  const table = new Map(
    Array.from({ length: services }, (_, index) => [`default/s${index}`, [makeService(index, endpoints)]]),
  )
  const last = services - 1
  if (last > 0) table.set(`default/s${last}`, [makePort(last, [{ ip: near, port: 9090, local: true }])])
  return table
}

/** Does the work as often as it is given, and returns the programs that wrote. */
async function timed(context: TestContext, what: string, ...works: (() => Promise<void>)[]): Promise<string[]> {
  takeWrites()
  const costs: Cost[] = []
  for (const work of works) costs.push(await measureCost(work))
  const writes = takeWrites()
  context.diagnostic(`${what}: ${describeCosts(costs)}; ${writes.length} programs that write`)
  return writes
}

for (const size of sizes) {
  const name = `${size.services} x ${size.endpoints}`

  test(`${name}: all is written by as many programs as one Service`, async (context) => {
    await removeIpvsRules(scene.hosts.node)
    const writes = await timed(context, `${name}: from nothing`, () => make().apply(makeTable(size)))
    // Settings, device, sets, rules of two families, and then the four texts of all Services.
    assert.ok(writes.length > 0 && writes.length <= 10, writes.join('\n'))
  })

  test(`${name}: a restart with nothing changed writes nothing`, async (context) => {
    assert.deepEqual(await timed(context, `${name}: restart`, () => make().apply(makeTable(size))), [])
  })

  test(`${name}: one endpoint that changes costs one program`, async (context) => {
    const backend = make()
    await backend.apply(makeTable(size))
    const change = (shift: number) => () =>
      backend.apply(new Map([['default/s0', [makeService(0, size.endpoints, shift)]]]))
    const works = Array.from({ length: changes }, (_, at) => change((at + 1) % 2))
    const writes = await timed(context, `${name}: one change`, ...works)
    assert.deepEqual(writes, Array<string>(changes).fill('ipvsadm -R'))
    assert.deepEqual(await backend.verify(), [])
  })

  if (size.services > 1)
    test(`${name}: every connection through the last Service is made; what one costs is told beside a direct one`, async (context) => {
      const targets = [`${near}:9090`, `${addressOf(size.services - 1)}:80`]
      const script = `${import.meta.dirname}/connect-times.py`
      const text = await run('python3', [script, String(rounds), ...targets], scene.hosts.client)
      const times: number[][] = JSON.parse(text)
      assert.deepEqual(
        times.map((list) => list.length),
        [rounds, rounds],
      )
      const [direct, through] = times.map(median) as [number, number]
      const words = `through the last of ${size.services} ${through.toFixed(0)} us, ratio ${(through / direct).toFixed(2)}`
      context.diagnostic(`connect: direct ${direct.toFixed(0)} us, ${words}`)
    })
}
