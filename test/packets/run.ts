// Runs the table of cases for one mode on one network kind: all Services are served at once, and all hosts ask at once.

import { askOf, groupName, makeCases, makeShapes, type PacketCase, sources } from './cases.ts'
import { complainAbout, type Expected, expectedOf, modeTraits } from './expected.ts'
import { NodeProxy } from './node-proxy.ts'
import { Prober } from './prober.ts'
import { type Protocol, portsOn, protocols, type ServiceShape, serviceKey } from './services.ts'
import {
  type HostName,
  type NetworkKind,
  type NodeName,
  nodeAddresses,
  nodeNames,
  podNames,
  Topology,
} from './topology.ts'

export interface SuiteOptions {
  mode: string
  network: NetworkKind
  /** main.ts or its bundle: the program that a node's proxy is a process of. */
  program: string
  /** How long an answer may take; nothing within that time counts as dropped. */
  timeoutSeconds: number
  /** How many answers each host waits for at once: fewer on a slow machine, where a handshake would take seconds. */
  atOnce?: number
}

/** One line of the suite's result. */
export interface CaseResult {
  name: string
  /** Empty: all as expected. */
  complaints: string[]
}

/** A topology with a proxy on each node and a prober in each host. */
export class PacketSuite {
  readonly #options: SuiteOptions
  readonly topology: Topology
  readonly #probers = new Map<HostName, Prober>()
  readonly #proxies = new Map<NodeName, NodeProxy>()

  private constructor(options: SuiteOptions, topology: Topology) {
    this.#options = options
    this.topology = topology
  }

  /** Builds the hosts and starts what runs in them; no Service is served yet. */
  static async start(options: SuiteOptions): Promise<PacketSuite> {
    const topic = `${options.mode.slice(0, 3)}-${options.network.slice(0, 2)}`
    const suite = new PacketSuite(options, await Topology.create(topic, options.network))
    try {
      await Promise.all([
        ...[...podNames, 'node-1' as const, 'outside' as const].map((name) => suite.#startProber(name)),
        ...nodeNames.map((name) => suite.startProxy(name)),
      ])
    } catch (error) {
      await suite.close()
      throw error
    }
    return suite
  }

  prober(host: HostName): Prober {
    const prober = this.#probers.get(host)
    if (prober === undefined) throw new Error(`nobody asks in ${host}`)
    return prober
  }

  proxy(node: NodeName): NodeProxy {
    const proxy = this.#proxies.get(node)
    if (proxy === undefined) throw new Error(`no proxy on ${node}`)
    return proxy
  }

  get mode(): string {
    return this.#options.mode
  }

  /** A new life of a node's proxy, in another mode if one is given; the old one is killed. */
  async startProxy(node: NodeName, mode = this.#options.mode): Promise<NodeProxy> {
    await this.#proxies.get(node)?.kill()
    const { program } = this.#options
    const proxy = await NodeProxy.start(this.topology.host(node), program, mode, Object.values(nodeAddresses[node]))
    this.#proxies.set(node, proxy)
    return proxy
  }

  /** Serves these Services on both nodes, beside those that are served already. */
  async serve(...shapes: ServiceShape[]): Promise<void> {
    await Promise.all(
      nodeNames.map((node) =>
        this.proxy(node).apply(new Map(shapes.map((shape) => [serviceKey(shape), portsOn(node, shape)]))),
      ),
    )
  }

  /** Stops serving them. */
  async forget(...shapes: ServiceShape[]): Promise<void> {
    await Promise.all(
      nodeNames.map((node) => this.proxy(node).apply(new Map(shapes.map((shape) => [serviceKey(shape), []])))),
    )
  }

  async close(): Promise<void> {
    for (const prober of this.#probers.values()) prober.close()
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.kill()))
    await this.topology.close()
  }

  async #startProber(name: HostName): Promise<void> {
    const { timeoutSeconds, atOnce } = this.#options
    this.#probers.set(name, await Prober.start(this.topology.host(name), name, timeoutSeconds, atOnce))
  }
}

/** How often each case is asked: enough to meet more than one endpoint over the whole table. */
const asksPerCase = 2
/** How much longer an answer may take that did not come while everybody asked everything. */
const patience = 4

/** The table, or the part of it that is about some protocols; one result per group of cases. */
export async function runTable(suite: PacketSuite, only: readonly Protocol[] = protocols): Promise<CaseResult[]> {
  const traits = modeTraits[suite.mode]
  if (traits === undefined) throw new Error(`nothing is known of what to expect of ${suite.mode}`)
  await suite.serve(...makeShapes().map(({ shape }) => shape))
  const cases = makeCases()
    .filter(({ protocol }) => only.includes(protocol))
    .map((packet) => ({ packet, expected: expectedOf(packet, traits), answers: [] }))
  const answered = await askEverywhere(suite, cases, 1)
  // On a machine that has much else to do, something is always late. What was never answered stays so.
  const late = answered.filter(({ expected, answers }) => expected.outcome !== 'dropped' && answers.includes(''))
  const later = new Map((await askEverywhere(suite, late, patience)).map((each) => [each.packet, each]))
  return judge(answered.map((each) => later.get(each.packet) ?? each))
}

interface Answered {
  packet: PacketCase
  expected: Expected
  answers: string[]
}

async function askEverywhere(suite: PacketSuite, cases: readonly Answered[], times: number): Promise<Answered[]> {
  const bySource = sources.map((source) => cases.filter(({ packet }) => packet.source === source))
  return (await Promise.all(bySource.map((some) => askAll(suite, some, times)))).flat()
}

/** All of one source. */
async function askAll(suite: PacketSuite, cases: readonly Answered[], times: number): Promise<Answered[]> {
  const asks = cases.flatMap(({ packet }) => Array.from({ length: asksPerCase }, () => askOf(packet)))
  const answers = await suite.prober(cases[0]?.packet.source ?? 'outside').ask(asks, times)
  return cases.map((each, at) => ({ ...each, answers: answers.slice(at * asksPerCase, (at + 1) * asksPerCase) }))
}

function judge(all: readonly Answered[]): CaseResult[] {
  const results = new Map<string, CaseResult>()
  for (const { packet, expected, answers } of all) {
    const name = groupName(packet)
    const result = results.get(name) ?? { name, complaints: [] }
    results.set(name, result)
    const complaint = complainAbout(expected, answers)
    if (complaint !== undefined) result.complaints.push(`${packet.source} ${packet.family}: ${complaint}`)
  }
  return [...results.values()]
}
