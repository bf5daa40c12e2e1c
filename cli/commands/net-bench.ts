// fairlead net bench: throughput and latency between all nodes.

import type { Command } from 'commander'
import type { Node } from '../../api/generated/types.ts'
import { nodes as nodeResource } from '../../api/resources/nodes.ts'
import { parseDuration } from '../duration.ts'
import { formatMatrices, type Measure, type Way, ways } from '../net/bench/matrix.ts'
import { latencyCommand, parseThroughput, throughputCommand } from '../net/bench/probe.ts'
import { runInPod } from '../net/bench/run-in-pod.ts'
import { benchNamespace, clearStage, clientOf, type Server, setStage } from '../net/bench/stage.ts'
import { inSession, type Session } from '../session.ts'

interface BenchOptions {
  duration: string
  rounds: string
  image: string
  ipv6?: boolean
  output?: string
}

/** Adds the verb. */
export function addNetBench(net: Command): void {
  net
    .command('bench [nodes...]')
    .description('measure throughput and latency between nodes, on one node, and through Services')
    .option('--duration <time>', 'of each measurement of throughput, in whole seconds', '2s')
    .option('--rounds <number>', 'questions of each measurement of latency', '500')
    .option('--image <name>', 'has iperf3, node and testbox', 'fairlead/testbox:1')
    .option('-6, --ipv6', 'by IPv6')
    .option('-o, --output <format>', 'table or json')
    .action(inSession(bench))
}

const note = (text: string) => process.stderr.write(`${text}\n`)

async function bench(session: Session, words: string[], options: BenchOptions): Promise<void> {
  const { image, ipv6, output = 'table' } = options
  const durationMs = parseDuration(options.duration)
  if (durationMs === undefined || durationMs % 1000 !== 0)
    throw new Error(`--duration ${options.duration}: must be whole seconds`)
  const rounds = Number(options.rounds)
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100_000))
    throw new Error(`--rounds ${options.rounds}: must be 1 to 100000`)
  if (output !== 'table' && output !== 'json') throw new Error(`-o ${output}: must be table or json`)
  const names = await chooseNodes(session, words)
  const stop = new AbortController()
  const end = () => stop.abort(new Error('interrupted'))
  process.once('SIGINT', end).once('SIGTERM', end)
  try {
    note(`starting pods on ${names.join(', ')} in namespace ${benchNamespace}`)
    const stage = { nodes: names, image, family: ipv6 === true ? ('ipv6' as const) : ('ipv4' as const) }
    const servers = await setStage(session, stage, stop.signal)
    const measures = await measureAll(session, servers, { seconds: durationMs / 1000, rounds }, stop.signal)
    process.stdout.write(
      output === 'json' ? `${JSON.stringify(measures, undefined, 2)}\n` : formatMatrices(names, measures),
    )
  } finally {
    await clearStage(session, AbortSignal.timeout(60_000))
    process.removeListener('SIGINT', end).removeListener('SIGTERM', end)
  }
}

async function chooseNodes({ client }: Session, words: readonly string[]): Promise<string[]> {
  if (words.length > 0) {
    for (const name of words) await client.get(nodeResource, { name })
    return [...new Set(words)]
  }
  const isReady = ({ status }: Node) =>
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  const ready = (await client.list(nodeResource)).items.filter(isReady).map(({ metadata }) => metadata.name)
  if (ready.length === 0) throw new Error('no node is ready')
  return ready
}

/** One after the other: they would measure each other. */
async function measureAll(
  session: Session,
  servers: ReadonlyMap<string, Server>,
  { seconds, rounds }: { seconds: number; rounds: number },
  signal: AbortSignal,
): Promise<Measure[]> {
  const pairs = [...servers.keys()].flatMap((from) => [...servers].map(([to, server]) => ({ from, to, server })))
  const measures: Measure[] = []
  for (const { from, to, server } of pairs)
    for (const via of ways) {
      note(`${measures.length + 1} of ${pairs.length * ways.length}: ${from} to ${to} by ${via}`)
      measures.push(await measure(session, { from, to, via }, server[via], { seconds, rounds }, signal))
    }
  return measures
}

async function measure(
  session: Session,
  pair: { from: string; to: string; via: Way },
  address: string,
  { seconds, rounds }: { seconds: number; rounds: number },
  signal: AbortSignal,
): Promise<Measure> {
  const pod = clientOf(pair.from)
  const latency = JSON.parse(await runInPod(session, pod, latencyCommand(address, rounds), signal))
  const throughput = parseThroughput(await runInPod(session, pod, throughputCommand(address, seconds), signal))
  return { ...pair, throughput, latency }
}
