// fairlead net trace: every hop of a packet's way, from the kernels' own state.

import type { Command } from 'commander'
import type { Trace, TraceProtocol } from '../../api/net/trace.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { services } from '../../api/resources/services.ts'
import { ExitError } from '../errors.ts'
import { chooseAddress, findEnd, nodePortBackends, type TraceEnd } from '../net/ends.ts'
import { NodeAgents } from '../net/node-agents.ts'
import { renderText } from '../net/render/text.ts'
import { traceFlow } from '../net/trace/trace.ts'
import { isWire, World } from '../net/trace/world.ts'
import { takePictures } from '../net/world-of-flow.ts'
import { inSession, type Session } from '../session.ts'

interface TraceOptions {
  port?: string
  protocol?: string
  sourcePort: string
  ipv6?: boolean
  via?: string
  limit: string
  rules?: boolean
  output?: string
}

/** Adds the verb. */
export function addNetTrace(net: Command): void {
  net
    .command('trace <source> <destination>')
    .description('show every hop of a packet: pod/a svc/web:80, outside node/node-1:30080, pod/a 10.0.0.1:443')
    .option('--port <number>', 'port of the destination; that of the pod or Service when absent')
    .option('--protocol <name>', 'tcp, udp or icmp')
    .option('--source-port <number>', 'port of the sender', '40000')
    .option('-6, --ipv6', 'by IPv6 where there are both')
    .option('--via <node>', 'from outside: the node that the packet comes to')
    .option('--limit <number>', 'how many ways of a Service are followed', '8')
    .option('--rules', 'with every rule that matched, and its counters')
    .option('-o, --output <format>', 'text or json')
    .action(
      inSession(async (session: Session, from: string, to: string, options: TraceOptions) => {
        const trace = await makeTrace(session, from, to, options)
        process.stdout.write(render(trace, options))
        const isGood = trace.paths.every(({ forward, reply }) =>
          [forward, reply].every((leg) => leg === undefined || isArrival(leg.end.outcome)),
        )
        if (!isGood) throw new ExitError(1)
      }),
    )
}

const isArrival = (outcome: string) => outcome === 'delivered' || outcome === 'left'

function render(trace: Trace, { output = 'text', rules }: TraceOptions): string {
  if (output === 'json') return `${JSON.stringify(trace, undefined, 2)}\n`
  if (output !== 'text') throw new Error(`-o ${output}: must be text or json`)
  return renderText(trace, { isColoured: process.stdout.isTTY === true, withRules: rules === true })
}

async function makeTrace(session: Session, from: string, to: string, options: TraceOptions): Promise<Trace> {
  const [source, found] = await Promise.all([findEnd(session, from), findEnd(session, to)])
  const destination = await withNodePort(session, found, options)
  const address = chooseAddress(source, destination, options.ipv6 === true ? 'ipv6' : undefined)
  const entryNode = source.isOutside === true ? await chooseEntry(session, destination, options) : undefined
  const agents = new NodeAgents(session)
  const { states, missing } = await takePictures(
    agents,
    [source, destination],
    entryNode === undefined ? [] : [entryNode],
  )
  for (const text of missing) process.stderr.write(`no picture of ${text}\n`)
  const world = new World(states)
  const protocol = chooseProtocol(destination, options)
  const flow = {
    protocol,
    destination: address,
    port: choosePort(destination, protocol, options),
    sourcePort: Number(options.sourcePort),
    ...(source.isOutside === true && { source: source.addresses[0] ?? outsideAddress(address) }),
  }
  const { service } = destination
  const sender = entryNode === undefined ? senderOf(world, source) : entryOf(world, entryNode)
  return traceFlow({
    world,
    flow,
    from: sender,
    limit: Number(options.limit),
    ...(service !== undefined && { service }),
  })
}

/** Addresses for documentation (RFC 5737, RFC 3849): nobody of the cluster has them. */
const outsideAddress = (to: string) => (to.includes(':') ? '2001:db8:ffff::1' : '203.0.113.1')

async function withNodePort(session: Session, end: TraceEnd, { port }: TraceOptions): Promise<TraceEnd> {
  const wanted = port === undefined ? end.port : Number(port)
  if (end.node === undefined || end.pod !== undefined || wanted === undefined) return end
  const all = await session.client.list(services)
  return { ...end, ...(await nodePortBackends(session, all.items, wanted)) }
}

/** The node that a packet from outside comes to: the destination's own, or any. */
async function chooseEntry(session: Session, { node }: TraceEnd, { via }: TraceOptions): Promise<string> {
  if (via !== undefined) return via
  if (node !== undefined) return node
  const { items } = await session.client.list(nodes)
  const [first] = items
  if (first === undefined) throw new Error('the cluster has no node')
  return first.metadata.name
}

function senderOf(world: World, { node = '', pod, title }: TraceEnd) {
  const namespace = world.find({ node, ...(pod !== undefined && { pod }) })
  if (namespace === undefined)
    throw new Error(`there is no picture of ${title}: a trace begins at a pod, a node or outside`)
  return { namespace }
}

function entryOf(world: World, node: string) {
  const namespace = world.find({ node })
  const link = namespace?.state.links.find(
    (each) => isWire(each) && world.peerOf({ namespace, link: each }) === undefined && each.master === undefined,
  )
  if (namespace === undefined || link === undefined) throw new Error(`node ${node} has no link to the outside`)
  return { entry: { namespace, link } }
}

function chooseProtocol(end: TraceEnd, { protocol }: TraceOptions): TraceProtocol {
  if (protocol === undefined) return end.protocol ?? (end.port === undefined ? 'icmp' : 'tcp')
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp') return protocol
  throw new Error(`--protocol ${protocol}: must be tcp, udp or icmp`)
}

function choosePort(end: TraceEnd, protocol: TraceProtocol, { port }: TraceOptions): number {
  if (protocol === 'icmp') return 0
  const chosen = port === undefined ? end.port : Number(port)
  if (chosen === undefined || !Number.isInteger(chosen) || chosen < 1 || chosen > 65_535)
    throw new Error(`which port of ${end.title}? Use --port`)
  return chosen
}
