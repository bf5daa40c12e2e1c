// fairlead net fault: the network made worse on purpose, for a while.

import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import {
  type ActiveFault,
  describeFault,
  type FaultKind,
  faultsPath,
  type HealAnswer,
  healPath,
  longestFaultMs,
} from '../../api/net/fault.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { parseDuration } from '../duration.ts'
import { ExitError } from '../errors.ts'
import { findFaultEnd } from '../net/fault/ends.ts'
import { type Direction, parseHarm, planFlows } from '../net/fault/plan.ts'
import { NodeAgents } from '../net/node-agents.ts'
import { inSession, type Session } from '../session.ts'
import { formatLines } from '../table.ts'

interface FaultOptions {
  between?: string
  from?: string
  to?: string
  for: string
}

const kinds: [kind: FaultKind, words: string, about: string][] = [
  ['cut', 'cut', 'lose every packet'],
  ['drop', 'drop <percent>', 'lose some packets, by chance: drop 20%'],
  ['delay', 'delay <time>', 'hold packets back: delay 100ms (needs netem in the nodes’ kernels)'],
  ['rate', 'rate <rate>', 'lose what is more than so much, in each direction: rate 1mbit'],
]

/** Adds the verb with its parts. */
export function addNetFault(net: Command): void {
  const fault = net.command('fault').description('make the network worse on purpose, for a while, and heal it')
  for (const [kind, words, about] of kinds) {
    const command = fault
      .command(words)
      .description(about)
      .option('--between <a,b>', 'both directions: node-1,node-2 or pod/a,pod/b or pod/a,192.0.2.0/24')
      .option('--from <end>', 'one direction only, with --to')
      .option('--to <end>', 'one direction only, with --from')
      .option('--for <time>', 'ends by itself after this, whatever becomes of this program and of the agents', '30s')
    const act = async (session: Session, amount: string, options: FaultOptions) =>
      await begin(session, kind, amount, options)
    if (kind === 'cut')
      command.action(inSession((session: Session, options: FaultOptions) => act(session, '', options)))
    else command.action(inSession(act))
  }
  fault
    .command('list')
    .description('faults that are in force, and how many packets they harmed')
    .option('-o, --output <format>', 'table or json')
    .action(inSession(list))
  fault
    .command('heal [ids...]')
    .description('end faults before their time')
    .option('--all', 'every fault on every node')
    .action(inSession(heal))
}

async function begin(session: Session, kind: FaultKind, amount: string, options: FaultOptions): Promise<void> {
  const harm = parseHarm(kind, amount)
  const durationMs = parseDuration(options.for)
  if (durationMs === undefined || durationMs > longestFaultMs)
    throw new Error(`--for ${options.for}: must be more than 0 and at most ${longestFaultMs / 60_000}m`)
  const directions = await findDirections(session, options)
  const flows = planFlows(kind, directions)
  const agents = new NodeAgents(session)
  // nft takes no name that begins with a digit.
  const id = `f${randomBytes(2).toString('hex')}`
  const begun = await Promise.allSettled(
    [...flows].map(async ([node, list]) => {
      await agents.json('POST', node, faultsPath, { id, ...harm, durationMs, flows: list })
    }),
  )
  const failed = begun.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    // All of it or nothing.
    await Promise.allSettled([...flows.keys()].map((node) => agents.json('POST', node, `${healPath}?id=${id}`)))
    throw failed.reason
  }
  const titles = [...flows].flatMap(([node, list]) => list.map(({ title }) => `  ${title}, on ${node}\n`))
  process.stdout.write(`fault ${id}: ${describeFault(harm)} for ${options.for}\n${titles.join('')}`)
  process.stdout.write(`fairlead net fault heal ${id} ends it before\n`)
}

async function findDirections(session: Session, { between, from, to }: FaultOptions): Promise<Direction[]> {
  if (between === undefined && from !== undefined && to !== undefined) {
    const [source, destination] = await Promise.all([findFaultEnd(session, from), findFaultEnd(session, to)])
    return [{ from: source, to: destination }]
  }
  const [first, second, ...more] = (between ?? '').split(',')
  if (first === undefined || second === undefined || more.length > 0 || from !== undefined || to !== undefined)
    throw new Error('say --between A,B or --from A --to B')
  const [a, b] = await Promise.all([findFaultEnd(session, first), findFaultEnd(session, second)])
  return [
    { from: a, to: b },
    { from: b, to: a },
  ]
}

/** Asks every node; one that does not answer is told of, and makes the command fail in the end. */
async function askAll<T>(session: Session, ask: (agents: NodeAgents, node: string) => Promise<T>): Promise<T[]> {
  const agents = new NodeAgents(session)
  const names = (await session.client.list(nodes)).items.map(({ metadata }) => metadata.name)
  const answers = await Promise.allSettled(names.map((node) => ask(agents, node)))
  for (const [at, answer] of answers.entries())
    if (answer.status === 'rejected') {
      process.stderr.write(`${names[at]}: ${answer.reason instanceof Error ? answer.reason.message : answer.reason}\n`)
      process.exitCode = 1
    }
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}

async function list(session: Session, { output }: { output?: string }): Promise<void> {
  const all = (await askAll(session, (agents, node) => agents.json<ActiveFault[]>('GET', node, faultsPath))).flat()
  if (output === 'json') return void process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`)
  if (all.length === 0) return void process.stdout.write('no faults\n')
  const rows = all.map(({ id, what, flows, node, packets, endsInMs }) => [
    id,
    what,
    flows.join(', '),
    node,
    String(packets),
    `${Math.ceil(endsInMs / 1000)}s`,
  ])
  process.stdout.write(formatLines([['ID', 'FAULT', 'WHAT', 'ON', 'PACKETS', 'ENDS IN'], ...rows]))
}

async function heal(session: Session, ids: string[], { all }: { all?: boolean }): Promise<void> {
  if (ids.length === 0 && all !== true) throw new Error('say which faults, or --all')
  const wanted = all === true ? [undefined] : ids
  const healed = new Set<string>()
  for (const id of wanted) {
    const query = id === undefined ? '' : `?id=${encodeURIComponent(id)}`
    const answers = await askAll(session, (agents, node) =>
      agents.json<HealAnswer>('POST', node, `${healPath}${query}`),
    )
    for (const each of answers.flatMap((answer) => answer.healed)) healed.add(each)
  }
  for (const id of healed) process.stdout.write(`fault ${id} healed\n`)
  const unknown = ids.filter((id) => !healed.has(id))
  if (unknown.length > 0) throw new ExitError(1, `error: no fault ${unknown.join(', ')}: it may have ended by itself`)
}
