// What Services cost in each proxy mode when they are many: writing them all, an agent's restart that changed nothing (and
// what became of an open connection), one endpoint that changed, and the first packet of a connection through the last of them.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { isProxyMode, type ProxyMode, removeOtherModes } from '../../agent/proxy/modes.ts'
import { run } from '../../cni/linux/exec.ts'
import { step } from '../../host/progress.ts'
import { Caller } from '../support/caller.ts'
import { type Cost, describeCosts } from '../support/cost.ts'
import { median, range } from '../support/figures.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'
import { clusterIpOf, lastEndpoints, nodeIp, type Order } from './load/proxy-writer.ts'

/** How much; smaller for a quick try. */
export interface ScaleOptions {
  modes: string[]
  /** Services of ten endpoints each. */
  services: number
  /** Endpoints of the one big Service. */
  endpoints: number
}

const endpointsEach = 10
const changes = 21
const connections = 2000
const load = (file: string) => join(import.meta.dirname, 'load', file)

/** Prints rows for each mode. */
export async function benchProxyScale({ modes, services, endpoints }: ScaleOptions): Promise<void> {
  const net = await TestNetwork.create('scale')
  try {
    const { node, client } = await build(net)
    for (const mode of modes) {
      if (!isProxyMode(mode)) throw new Error(`no proxy mode ${mode}`)
      await benchSize(mode, node, 1, endpoints)
      await benchSize(mode, node, services, endpointsEach, client)
    }
  } finally {
    await net.close()
  }
}

/** A node with one pod that asks and one that has the addresses of ten endpoints. */
async function build(net: TestNetwork): Promise<{ node: Host; client: Host }> {
  const node = await net.addHost('node')
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'], node)
  const [client, server] = [await net.addHost('client'), await net.addHost('server')]
  const { prefix, firstHost, port } = lastEndpoints
  await net.connect(node, 'to-client', '10.254.0.1/24', client, 'eth0', '10.254.0.2/24')
  await net.connect(node, 'to-server', `${prefix}1/24`, server, 'eth0', `${prefix}${firstHost}/24`)
  for (let index = 1; index < endpointsEach; index++)
    await net.ip(server, `addr add ${prefix}${firstHost + index}/24 dev eth0`)
  await net.ip(node, `addr add ${nodeIp}/32 dev lo`)
  await net.ip(client, 'route add default via 10.254.0.1')
  await net.ip(server, `route add default via ${prefix}1`)
  await net.start(server, process.execPath, [load('server.ts'), String(port)], 'listening')
  return { node, client }
}

/** With a client, also what becomes of connections through the last Service, which has real endpoints. */
async function benchSize(
  mode: ProxyMode,
  node: Host,
  services: number,
  endpoints: number,
  client?: Host,
): Promise<void> {
  const name = `${mode} ${services} x ${endpoints}`
  await removeOtherModes(undefined, node)
  const first = await Writer.start(node, mode, services, endpoints)
  report(name, 'from nothing', [await step(`${name}: from nothing`, () => first.ask('sync'))])
  const open = client && (await openConnection(client, services))
  first.close()
  const generation = await readGeneration(node)
  const second = await Writer.start(node, mode, services, endpoints)
  report(name, 'restart', [await step(`${name}: restart`, () => second.ask('sync'))])
  const written = (await readGeneration(node)) - generation
  console.log(`${name}: restart wrote ${written === 0 ? 'nothing' : `${written} transactions`}`)
  if (open !== undefined) {
    const isAlive = (await open.ask('and now?')) === 'and now?'
    console.log(`${name}: a connection through the last Service ${isAlive ? 'went on' : 'ended'} over the restart`)
    open.close()
  }
  const costs: Cost[] = []
  for (let index = 0; index < changes; index++) costs.push(await second.ask('change'))
  report(name, 'one change', costs)
  if (client !== undefined) await benchConnects(mode, client, services)
  second.close()
}

/** It has carried data in both directions. */
async function openConnection(client: Host, services: number): Promise<Caller> {
  const connection = new Caller(client, `${clusterIpOf(services - 1)}:80`)
  // The server's greeting stands in front of the first answer.
  const answer = await connection.ask('hello')
  if (answer !== 'xhello') throw new Error(`no connection through the last Service: ${answer ?? 'it ended'}`)
  return connection
}

async function benchConnects(mode: string, client: Host, services: number): Promise<void> {
  const direct = `${lastEndpoints.prefix}${lastEndpoints.firstHost}:${lastEndpoints.port}`
  const targets = [direct, `${clusterIpOf(services - 1)}:80`]
  const times: number[][] = JSON.parse(
    await run('python3', [load('connect-times.py'), String(connections), ...targets], client),
  )
  const [straight = [], through = []] = times
  console.log(`${mode}: connect, direct          ${range(straight, 'us')}`)
  console.log(`${mode}: connect, last of ${services} ${range(through, 'us')}`)
  console.log(`${mode}: connect, ratio           ${(median(through) / median(straight)).toFixed(2)}`)
}

async function readGeneration(node: Host): Promise<number> {
  return Number(await run('python3', [load('nft-generation.py')], node))
}

function report(name: string, what: string, costs: readonly Cost[]): void {
  console.log(`${name}: ${what.padEnd(12)} ${describeCosts(costs)}`)
}

/** Rejects when the program ends before it has answered. */
async function failOnExit(child: ChildProcess): Promise<never> {
  await once(child, 'exit')
  throw new Error('the proxy ended')
}

/** One life of a node's proxy. */
class Writer {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>

  private constructor(child: ChildProcess, ended: Promise<never>) {
    this.#child = child
    this.#ended = ended
  }

  static async start(node: Host, mode: string, services: number, endpoints: number): Promise<Writer> {
    const words = [load('proxy-writer.ts'), mode, String(services), String(endpoints)]
    const child = spawn('nsenter', [`--net=${node.netns}`, process.execPath, ...words], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const ended = failOnExit(child)
    ended.catch(() => undefined) // whoever waits for an answer hears of it
    await Promise.race([once(child, 'message'), ended])
    return new Writer(child, ended)
  }

  async ask(order: Order): Promise<Cost> {
    const answer = once(this.#child, 'message')
    this.#child.send(order)
    const [cost] = await Promise.race([answer, this.#ended])
    return cost
  }

  close(): void {
    this.#child.disconnect()
  }
}
