// `npm run bench [-- pods|net …]`: figures for README.md and docs/. Each is measured beside a floor or a peer in the same run, turn
// by turn, so that a machine whose speed drifts does not matter. Never judges.

import { benchConnections } from './connections.ts'
import { benchDns } from './dns.ts'
import { benchCni } from './net-cni.ts'
import { benchPaths } from './net-paths.ts'
import { benchPods } from './pods.ts'

const suites: Record<string, (() => Promise<void>)[]> = {
  pods: [benchPods],
  net: [benchPaths, benchCni, benchConnections, benchDns],
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites)
const unknown = chosen.find((name) => !Object.hasOwn(suites, name))
if (unknown !== undefined) {
  console.error(`bench: unknown suite "${unknown}": use ${Object.keys(suites).join(' or ')}`)
  process.exit(2)
}
for (const name of chosen) for (const bench of suites[name] ?? []) await bench()
process.exit(0)
