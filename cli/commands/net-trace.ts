// fairlead net trace: every hop of a packet's way, from the kernels' own state, and a real packet that proves it.

import type { Command } from 'commander'
import type { Trace } from '../../api/net/trace.ts'
import { ExitError, formatError } from '../errors.ts'
import { renderSvg } from '../net/render/svg.ts'
import { renderText } from '../net/render/text.ts'
import { type TraceQuery, traceCluster } from '../net/trace-cluster.ts'
import { inSession, type Session } from '../session.ts'

interface TraceOptions extends TraceQuery {
  rules?: boolean
  output: string
}

const examples = `
SOURCE and DESTINATION are one of
  pod/NAME[.NAMESPACE][:PORT]    a pod                     svc/NAME[.NAMESPACE][:PORT]  a Service, by its first address
  node/NAME[:PORT]               a node, or a node port    ADDRESS[:PORT]               whosever it is
  outside[/ADDRESS]              somebody who is no part of the cluster

Examples:
  fairlead net trace pod/a svc/web                from a pod to a Service: one way for each of its endpoints
  fairlead net trace pod/a svc/web:https -6       by IPv6
  fairlead net trace node/node-1 pod/b:8080       from a node
  fairlead net trace outside node/node-2:30080    from somebody outside to a node port
  fairlead net trace outside svc/web              to the address of a load balancer
  fairlead net trace pod/a 192.0.2.9:443          to somebody outside
  fairlead net trace pod/a pod/b --protocol icmp  an echo
  fairlead net trace pod/a svc/web --rules        with the rules that matched, and their counters
  fairlead net trace pod/a svc/web -o svg >w.svg  as a picture
  fairlead net trace pod/a svc/web -o json        for programs: api/net/trace.ts says what the fields mean

A real packet is sent to prove what was worked out (--no-proof: none is). Hops marked + have seen it, hops marked - have not.
Exit code: 0 it gets there and the answer comes back, 1 it does not, 2 that could not be found out.`

/** Adds the verb. */
export function addNetTrace(net: Command): void {
  net
    .command('trace <source> <destination>')
    .description('show every hop of a packet, and what stops it')
    .option('--port <number>', 'port of the destination; that of the pod or Service when absent')
    .option('--protocol <name>', 'tcp, udp or icmp')
    .option('--source-port <number>', 'port of the sender; any when absent')
    .option('-6, --ipv6', 'by IPv6 where there are both')
    .option('--via <node>', 'from outside: the node that the packet comes to')
    .option('--limit <number>', 'how many ways of a Service are followed', '8')
    .option('--no-proof', 'send no packet')
    .option('--timeout <seconds>', 'how long the real packet may stay without an answer', '1')
    .option('--rules', 'with every rule that matched, and its counters')
    .option('-o, --output <format>', 'text, json or svg', 'text')
    .addHelpText('after', examples)
    .action(
      inSession(async (session: Session, from: string, to: string, options: TraceOptions) => {
        const render = chooseRendering(options)
        const { trace, missing } = await findOut(session, from, to, options)
        for (const text of missing) process.stderr.write(`no picture of ${text}\n`)
        process.stdout.write(render(trace))
        const code = missing.length > 0 && trace.proof?.agrees !== true ? 2 : exitCodeOf(trace)
        if (code !== 0) throw new ExitError(code)
      }),
    )
}

/** What cannot be traced is not known to be broken. */
async function findOut(session: Session, from: string, to: string, options: TraceOptions) {
  try {
    return await traceCluster(session, from, to, options)
  } catch (error) {
    throw new ExitError(2, formatError(error))
  }
}

function chooseRendering({ output, rules }: TraceOptions): (trace: Trace) => string {
  if (output === 'json') return (trace) => `${JSON.stringify(trace, undefined, 2)}\n`
  if (output === 'svg') return renderSvg
  if (output !== 'text') throw new ExitError(2, `error: -o ${output}: must be text, json or svg`)
  return (trace) => renderText(trace, { isColoured: process.stdout.isTTY === true, withRules: rules === true })
}

/** 0: every way gets there and back. 1: one does not. 2: the real packet met something else. */
export function exitCodeOf({ paths, proof }: Trace): number {
  if (proof !== undefined && !proof.agrees) return 2
  const ends = paths.flatMap(({ forward, reply }) => [forward.end, ...(reply === undefined ? [] : [reply.end])])
  return ends.every(({ outcome }) => outcome === 'delivered' || outcome === 'left') ? 0 : 1
}
