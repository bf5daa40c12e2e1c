// `node test/packets/main.ts --modes iptables,ipvs --networks host-gw,vxlan`: the packet suite where there is no vitest, such
// as in a guest. Writes TAP.

import { parseArgs } from 'node:util'
import { proxyFlag, serveNodeProxy } from './node-proxy.ts'
import { type CaseResult, PacketSuite, runTable } from './run.ts'
import type { NetworkKind } from './topology.ts'

if (process.argv[2] === proxyFlag) serveNodeProxy(process.argv[3] ?? '', process.argv.slice(4))
else await runSuites()

async function runSuites(): Promise<void> {
  const { values } = parseArgs({
    options: {
      modes: { type: 'string', default: 'iptables' },
      networks: { type: 'string', default: 'host-gw,vxlan' },
      /** How long an answer may take: more on a slow machine. */
      timeout: { type: 'string', default: '1.5' },
    },
  })
  let count = 0
  console.log('TAP version 13')
  for (const mode of values.modes.split(','))
    for (const network of values.networks.split(',') as NetworkKind[])
      for (const result of await runSuite(mode, network, Number(values.timeout)))
        report(`${mode} ${network}: ${result.name}`, result.complaints, ++count)
  console.log(`1..${count}`)
}

async function runSuite(mode: string, network: NetworkKind, timeoutSeconds: number): Promise<CaseResult[]> {
  const startedMs = performance.now()
  const suite = await PacketSuite.start({ mode, network, timeoutSeconds, program: process.argv[1] ?? '' })
  try {
    return await runTable(suite)
  } finally {
    await suite.close()
    console.log(`# ${mode} ${network}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  }
}

function report(name: string, complaints: string[], number: number): void {
  console.log(`${complaints.length === 0 ? 'ok' : 'not ok'} ${number} - ${name}`)
  for (const complaint of complaints) console.log(`  # ${complaint}`)
  if (complaints.length > 0) process.exitCode = 1
}
