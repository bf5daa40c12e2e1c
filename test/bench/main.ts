// `npm run bench [-- pods|net|start|scale …]`: figures for README.md and docs/. Each is measured beside a floor or a peer in the same
// run, turn by turn, so that a machine whose speed drifts does not matter. Never judges.

import { parseArgs } from 'node:util'
import { benchConnections } from './connections.ts'
import { benchDns } from './dns.ts'
import { benchCni } from './net-cni.ts'
import { benchPaths } from './net-paths.ts'
import { benchPods } from './pods.ts'
import { benchProxyScale } from './proxy-scale.ts'
import { benchStart } from './start.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    // Of the suite scale.
    modes: { type: 'string', default: 'nftables,iptables' },
    services: { type: 'string', default: '10000' },
    endpoints: { type: 'string', default: '5000' },
  },
})
const scale = {
  modes: values.modes.split(','),
  services: Number(values.services),
  endpoints: Number(values.endpoints),
}

const suites: Record<string, (() => Promise<void>)[]> = {
  pods: [benchPods],
  net: [benchPaths, benchCni, benchConnections, benchDns],
  start: [benchStart],
  scale: [() => benchProxyScale(scale)],
}

const chosen = positionals.length > 0 ? positionals : Object.keys(suites)
const unknown = chosen.find((name) => !Object.hasOwn(suites, name))
if (unknown !== undefined) {
  console.error(`bench: unknown suite "${unknown}": use ${Object.keys(suites).join(' or ')}`)
  process.exit(2)
}
for (const name of chosen) for (const bench of suites[name] ?? []) await bench()
process.exit(0)
