// fairlead net capture: packets of a pod, a node or a Service, from all hops at once.

import type { Command } from 'commander'
import { captureLimits } from '../../api/net/capture.ts'
import { parseDuration } from '../duration.ts'
import { Names } from '../net/capture/names.ts'
import { type PacketOutput, PcapngOutput, TextOutput } from '../net/capture/outputs.ts'
import { type Bounds, followTaps, openTaps } from '../net/capture/run.ts'
import { describeHop, findTaps, type Tap } from '../net/capture/taps.ts'
import { findTarget } from '../net/capture/targets.ts'
import { NodeAgents } from '../net/node-agents.ts'
import { inSession, type Session } from '../session.ts'

interface CaptureOptions {
  duration: string
  count?: string
  write?: string
  filter: string
  snaplen: string
  maxBytes: string
  allNodes?: boolean
}

/** Adds the verb. */
export function addNetCapture(net: Command): void {
  net
    .command('capture <targets...>')
    .description('see packets at every hop at once: capture web-1, capture service/web pod/client, capture node/node-1')
    .option('--duration <time>', 'how long', '10s')
    .option('--count <number>', 'end after so many packets, of all hops together')
    .option('-w, --write <file>', 'write pcapng, with the names of hops, pods and Services; - for stdout')
    .option('--filter <expression>', "which packets, in tcpdump's words: 'tcp port 80'", '')
    .option('--all-nodes', 'of a pod: look at the links of all nodes, not only of its own')
    .option('--snaplen <bytes>', 'how much of each packet is kept', '65535')
    .option('--max-bytes <bytes>', 'end a hop after so many bytes', String(64 * 2 ** 20))
    .action(inSession(captureNet))
}

const note = (text: string) => process.stderr.write(`${text}\n`)

async function captureNet(session: Session, words: string[], options: CaptureOptions): Promise<void> {
  const bounds = readBounds(options)
  const count = options.count === undefined ? Number.POSITIVE_INFINITY : readNumber('--count', options.count)
  const agents = new NodeAgents(session)
  const onAllNodes = options.allNodes === true
  const [names, ...targets] = await Promise.all([
    Names.read(session),
    ...words.map((word) => findTarget(session, word, { onAllNodes })),
  ])
  const planned = await findTaps(agents, targets, options.filter, (node, { message }) => note(`${node}: ${message}`))
  if (planned.length === 0) throw new Error('there is no link to look at')
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once('SIGINT', end).once('SIGTERM', end)
  const onFailed = ({ hop }: Tap, { message }: Error) => note(`${describeHop(hop)}: ${message}`)
  const taps = await openTaps(agents, planned, bounds, stop.signal, onFailed)
  const title = targets.map((target) => target.title).join(', ')
  const { write } = options
  const output: PacketOutput =
    write === undefined
      ? new TextOutput(taps, names, (line) => process.stdout.write(line))
      : new PcapngOutput(write, taps, names, `fairlead net capture ${words.join(' ')}`)
  note(`capturing ${title} at ${taps.length} hops for ${options.duration}; Ctrl-C ends it`)
  let seen = 0
  await followTaps(
    taps,
    stop.signal,
    (packet) => {
      if (seen >= count) return
      output.write(packet)
      if (++seen >= count) end()
    },
    onFailed,
  )
  output.close()
  process.removeListener('SIGINT', end).removeListener('SIGTERM', end)
  note(`${seen} packets${write === undefined || write === '-' ? '' : ` in ${write}`}`)
}

function readBounds({ duration, snaplen, maxBytes }: CaptureOptions): Bounds {
  const durationMs = parseDuration(duration)
  if (durationMs === undefined || durationMs > captureLimits.durationMs)
    throw new Error(`--duration ${duration}: must be more than 0 and at most ${captureLimits.durationMs / 60_000}m`)
  return {
    durationMs,
    snaplen: readNumber('--snaplen', snaplen, captureLimits.snaplen),
    maxBytes: readNumber('--max-bytes', maxBytes, captureLimits.maxBytes),
  }
}

function readNumber(name: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > most) throw new Error(`${name} ${text}: must be 1 to ${most}`)
  return number
}
