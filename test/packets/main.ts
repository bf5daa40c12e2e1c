// `node test/packets/main.ts --modes iptables,ipvs --networks host-gw,vxlan`: the packet suite where there is no vitest, such
// as in a guest. Writes TAP.

import { parseArgs } from 'node:util'
import { modeTraits } from './expected.ts'
import { proxyFlag, serveNodeProxy } from './node-proxy.ts'
import { defaultAtOnce } from './prober.ts'
import { type CaseResult, PacketSuite, runTable, type SuiteOptions } from './run.ts'
import { runScenarios } from './scenarios.ts'
import { type Protocol, protocols } from './services.ts'
import { networkKinds } from './topology.ts'

const modes = Object.keys(modeTraits)
const usage = `Usage: node test/packets/main.ts [options]

Sends packets of every kind to Services and says which of them did not go where they should. Needs root; makes network
namespaces of its own. Writes TAP; ends with 1 when something is not as it should be.

  --modes <names>     proxy modes, with commas between: ${modes.join(', ')}; iptables when absent
  --networks <names>  how the two nodes are joined: ${networkKinds.join(', ')}; both when absent
  --protocols <names> of the table only these, and no scenarios: ${protocols.join(', ')}, with commas between
  --at-once <number>  how many answers each host waits for at once; ${defaultAtOnce} when absent
  --timeout <seconds> how long an answer may take before it counts as none; 1.5 when absent
  --help`

if (process.argv[2] === proxyFlag) await serveNodeProxy(process.argv[3] ?? '', process.argv.slice(4))
else await runSuites()

async function runSuites(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      modes: { type: 'string', default: 'iptables' },
      networks: { type: 'string', default: networkKinds.join() },
      protocols: { type: 'string' },
      'at-once': { type: 'string', default: String(defaultAtOnce) },
      /** How long an answer may take: more on a slow machine. */
      timeout: { type: 'string', default: '1.5' },
    },
  })
  if (values.help) return void console.log(usage)
  const options = {
    timeoutSeconds: readPositive('timeout', values.timeout),
    atOnce: Math.ceil(readPositive('at-once', values['at-once'])),
  }
  const wanted = {
    modes: readNames('modes', values.modes, modes),
    networks: readNames('networks', values.networks, networkKinds),
  }
  const only = values.protocols === undefined ? undefined : readNames('protocols', values.protocols, protocols)
  let count = 0
  console.log('TAP version 13')
  for (const mode of wanted.modes)
    for (const network of wanted.networks)
      for (const result of await runSuite({ ...options, mode, network }, only))
        report(`${mode} ${network}: ${result.name}`, result.complaints, ++count)
  console.log(`1..${count}`)
  if (count === 0) process.exitCode = 1 // what asks nothing shows nothing
}

/** One or more of these, with commas between. */
function readNames<Name extends string>(flag: string, text: string, known: readonly Name[]): Name[] {
  return text
    .split(',')
    .map((word) => known.find((name) => name === word) ?? refuse(flag, word, `must be one of ${known.join(', ')}`))
}

function readPositive(flag: string, text: string): number {
  const value = Number(text)
  return value > 0 ? value : refuse(flag, text, 'must be a number above 0')
}

function refuse(flag: string, text: string, why: string): never {
  console.error(`packets: --${flag} "${text}": ${why}`)
  process.exit(2)
}

async function runSuite(options: Omit<SuiteOptions, 'program'>, only?: readonly Protocol[]): Promise<CaseResult[]> {
  const startedMs = performance.now()
  const suite = await PacketSuite.start({ ...options, program: process.argv[1] ?? '' })
  try {
    if (only !== undefined) return await runTable(suite, only)
    return [...(await runTable(suite)), ...(await runScenarios(suite))]
  } finally {
    await suite.close()
    console.log(`# ${options.mode} ${options.network}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  }
}

function report(name: string, complaints: string[], number: number): void {
  console.log(`${complaints.length === 0 ? 'ok' : 'not ok'} ${number} - ${name}`)
  for (const complaint of complaints) console.log(`  # ${complaint}`)
  if (complaints.length > 0) process.exitCode = 1
}
