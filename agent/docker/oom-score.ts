// The lowest oom_score_adj that containers can be given. Only with CAP_SYS_RESOURCE can a process go below its own score,
// and machines inside a sandbox or a container often lack it: runc then refuses to start anything with a lower one.

import { readFileSync } from 'node:fs'

const sysResource = 1n << 24n // capabilities(7)
const kernelLowest = -1000

/** Takes the agent for a measure of the daemon, which runs beside it as root too. */
export function readLowestOomScoreAdj(): number {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  const isFree = (BigInt(`0x${effective}`) & sysResource) !== 0n
  return isFree ? kernelLowest : Number(readFileSync('/proc/self/oom_score_adj', 'utf8'))
}
