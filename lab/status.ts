// `lab status`: what of the lab runs, without asking the cluster more than it must.

import { nodes as nodeResource } from '../api/resources/nodes.ts'
import { listProcesses } from './cgroup.ts'
import { daemonPid } from './daemon.ts'
import type { LabLayout } from './layout.ts'
import { adminClient } from './up.ts'

/** Prints a row per node: its daemons' pids and what the API server thinks of it. */
export async function printStatus(lab: LabLayout): Promise<void> {
  const ready = await readiness(lab)
  const row = (...cells: string[]) =>
    console.log(
      cells
        .map((cell) => cell.padEnd(16))
        .join('')
        .trimEnd(),
    )
  row('NODE', 'ADDRESS', 'READY', 'PROCESSES', 'DAEMONS')
  const { controlPlane } = lab
  row(
    controlPlane.name,
    controlPlane.address,
    ready === undefined ? 'no answer' : 'True',
    String(listProcesses(controlPlane.cgroup).length),
    `control-plane ${daemonPid(controlPlane, 'control-plane') ?? '-'}`,
  )
  for (const node of lab.nodes) {
    const daemons = ['containerd', 'dockerd', 'agent']
      .map((name) => `${name} ${daemonPid(node, name) ?? '-'}`)
      .join(', ')
    row(node.name, node.address, ready?.get(node.name) ?? 'Unknown', String(listProcesses(node.cgroup).length), daemons)
  }
}

async function readiness(lab: LabLayout): Promise<Map<string, string> | undefined> {
  try {
    const { items } = await adminClient(lab).list(nodeResource, { signal: AbortSignal.timeout(3_000) })
    return new Map(
      items.map(({ metadata, status }) => [
        metadata.name,
        status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown',
      ]),
    )
  } catch (error) {
    console.error(`the API server does not answer: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}
