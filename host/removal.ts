// Takes everything of Fairlead off this host, and nothing else: what `reset` does, and `init` and `join` when they fail. A step
// that fails keeps no other from being done; what stayed is said at the end, by looking again.

import { existsSync, rmSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removalSteps } from '../agent/remove.ts'
import { disableUnit, forgetFailures, listSlices, reloadUnits, stopUnits } from '../cni/linux/systemd.ts'
import { readDockerFacts } from './checks/docker-facts.ts'
import { removeImage, removePodContainers } from './containers.ts'
import { findLeftovers } from './leftovers.ts'
import {
  agentDir,
  agentUnit,
  cniBinDir,
  cniConfDir,
  cniPluginPath,
  configDir,
  programPath,
  serverUnit,
  stateDir,
  unitDir,
} from './paths.ts'
import { step } from './progress.ts'
import { type HostRecord, readRecord, restoreSysctls } from './record.ts'

/** What could not be done, and what is still there. */
export interface RemovalResult {
  failures: string[]
  stayed: string[]
}

interface Step {
  what: string
  remove(): Promise<void>
}

/** Removes it all; there being nothing is no error. */
export async function removeEverything(): Promise<RemovalResult> {
  const record = readRecord()
  const failures: string[] = []
  for (const { what, remove } of [...runningSteps(), ...traceSteps(), ...fileSteps(record)]) {
    try {
      await step(what, remove)
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : error}`)
    }
  }
  const kept = new Set(record?.kept)
  const stayed = (await findLeftovers()).filter((found) => !kept.has(found))
  return { failures, stayed: [...stayed, ...(isProgramToGo(record) && existsSync(programPath) ? [programPath] : [])] }
}

/** Programs first: what they would make again must not be removed before they end. */
function runningSteps(): Step[] {
  return [
    { what: 'units stopped', remove: removeUnits },
    { what: 'containers of pods', remove: removeContainers },
  ]
}

async function removeUnits(): Promise<void> {
  // The agent first: it would only miss its server.
  const present = [agentUnit, serverUnit].filter((unit) => existsSync(join(unitDir, unit)))
  for (const unit of present) await disableUnit(unit)
  for (const unit of present) rmSync(join(unitDir, unit), { force: true })
  await reloadUnits()
  // A unit that has failed is remembered without its file.
  if (present.length > 0) await forgetFailures(present).catch(() => undefined /* none of them had failed */)
}

async function removeContainers(): Promise<void> {
  const { problem } = await readDockerFacts()
  if (problem === undefined) await removePodContainers()
  // Without an agent there were no pods, whether Docker runs or not.
  else if (existsSync(agentDir))
    throw new Error(`Docker is ${problem}: start it, and run reset again for what it still has`)
}

function traceSteps(): Step[] {
  return [
    ...removalSteps({ dataDir: agentDir, cniConfDir, cniBinDir }),
    { what: "slices of pods' cgroups", remove: removeSlices },
  ]
}

/** systemd keeps a slice that it has made for a container until it is stopped. */
async function removeSlices(): Promise<void> {
  await stopUnits(await listSlices('kubepods*.slice'))
}

function fileSteps(record: HostRecord | undefined): Step[] {
  return [
    { what: 'images', remove: () => removeImages(record) },
    { what: 'kernel settings', remove: async () => void (record && (await restoreSysctls(record))) },
    { what: 'files', remove: () => removeFiles(record) },
  ]
}

async function removeImages(record: HostRecord | undefined): Promise<void> {
  if ((await readDockerFacts()).problem !== undefined) return
  for (const name of record?.images ?? []) await removeImage(name)
}

async function removeFiles(record: HostRecord | undefined): Promise<void> {
  for (const path of [configDir, stateDir, cniPluginPath]) rmSync(path, { recursive: true, force: true })
  if (isProgramToGo(record)) rmSync(programPath, { force: true })
  // The deepest first, and only those that nobody has put anything into.
  for (const folder of [...(record?.folders ?? [])].sort().reverse())
    await rmdir(folder).catch(() => undefined /* not empty: somebody else's by now */)
}

/** A file that was there before is its user's. */
function isProgramToGo(record: HostRecord | undefined): boolean {
  return record !== undefined && !record.kept.includes(programPath)
}
