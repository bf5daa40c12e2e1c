// `node test/packets/main.ts --modes iptables,ipvs --networks host-gw,vxlan`: the packet suite where there is no vitest, such
// as in a guest. Writes TAP.

import { parseArgs } from 'node:util'
import { modeTraits } from './expected.ts'
import { proxyFlag, serveNodeProxy } from './node-proxy.ts'
import { type CaseResult, PacketSuite, runTable, type SuiteOptions } from './run.ts'
import { runScenarios } from './scenarios.ts'
import type { NetworkKind } from './topology.ts'

const usage = `Usage: node test/packets/main.ts [options]

Sends packets of every kind to Services and says which of them did not go where they should. Needs root; makes network
namespaces of its own. Writes TAP; ends with 1 when something is not as it should be.

  --modes <names>     proxy modes, with commas between: ${Object.keys(modeTraits).join(', ')}; iptables when absent
  --networks <names>  how the two nodes are joined: host-gw, vxlan; both when absent
  --protocols <names> of the table only these, and no scenarios: tcp, udp, sctp, with commas between
  --at-once <number>  how many answers each host waits for at once; 96 when absent
  --timeout <seconds> how long an answer may take before it counts as none; 1.5 when absent
  --help`

if (process.argv[2] === proxyFlag) await serveNodeProxy(process.argv[3] ?? '', process.argv.slice(4))
else await runSuites()

async function runSuites(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      modes: { type: 'string', default: 'iptables' },
      networks: { type: 'string', default: 'host-gw,vxlan' },
      protocols: { type: 'string' },
      'at-once': { type: 'string', default: '96' },
      /** How long an answer may take: more on a slow machine. */
      timeout: { type: 'string', default: '1.5' },
    },
  })
  if (values.help) return void console.log(usage)
  const options = { timeoutSeconds: Number(values.timeout), atOnce: Number(values['at-once']) }
  const protocols = values.protocols?.split(',')
  let count = 0
  console.log('TAP version 13')
  for (const mode of values.modes.split(','))
    for (const network of values.networks.split(',') as NetworkKind[])
      for (const result of await runSuite({ ...options, mode, network }, protocols))
        report(`${mode} ${network}: ${result.name}`, result.complaints, ++count)
  console.log(`1..${count}`)
}

async function runSuite(options: Omit<SuiteOptions, 'program'>, protocols?: readonly string[]): Promise<CaseResult[]> {
  const startedMs = performance.now()
  const suite = await PacketSuite.start({ ...options, program: process.argv[1] ?? '' })
  try {
    if (protocols !== undefined) return await runTable(suite, protocols)
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
