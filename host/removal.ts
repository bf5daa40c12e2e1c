// Takes everything of Fairlead off this host, and nothing else: what `reset` does, and `init` and `join` when they fail. A step
// that fails keeps no other from being done but the last: the files are what another reset goes by. What stayed is said at the
// end, by looking again.

import { existsSync, rmSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type RemovalStep, removalSteps } from '../agent/remove.ts'
import { listMountPoints } from '../cni/linux/mounts.ts'
import { hasCode } from '../cni/linux/system-error.ts'
import { disableUnit, forgetFailures, listSlices, reloadUnits, stopUnits } from '../cni/linux/systemd.ts'
import { readDockerFacts } from './checks/docker-facts.ts'
import { listUnnamedImages, removeImage, removePodContainers } from './containers.ts'
import { messageOf } from './failure.ts'
import { removeEmptyChains } from './hook-chains.ts'
import { findLeftovers } from './leftovers.ts'
import { isDisk, listContent, outerFiles } from './own-files.ts'
import {
  agentDir,
  agentUnit,
  cniBinDir,
  cniConfDir,
  hostRecordPath,
  programPath,
  serverUnit,
  stateDir,
  unitDir,
} from './paths.ts'
import { step, tell } from './progress.ts'
import { type HostRecord, isProgramOurs, readRecord, restoreSysctls } from './record.ts'
import { listOrchestrators } from './strangers.ts'

/** What a removal did not do. */
interface RemovalResult {
  failures: string[]
  /** What was not touched since another orchestrator uses it. */
  left: string[]
  /** What was found afterwards. */
  stayed: string[]
  /** Where it could not be looked for. */
  unread: string[]
}

/** Removes it all; there being nothing is no error. */
export async function removeEverything(): Promise<RemovalResult> {
  const { record, problem } = tryRecord()
  const steps = [...runningSteps(), ...traceSteps(), ...recordSteps(record)]
  const strangers = listOrchestrators().join(', ')
  const left = strangers === '' ? [] : steps.filter(({ isShared }) => isShared === true)
  const failures = await runSteps(steps.filter((each) => !left.includes(each)))
  if (failures.length === 0) failures.push(...(await runSteps([{ what: 'files', remove: () => removeFiles(record) }])))
  else failures.push(`files: ${stateDir} and the program stay, since another reset goes by them`)
  const { things, unread } = await findLeftovers()
  return {
    failures: [...problem, ...failures],
    left: left.map(({ what }) => `${what}: ${strangers} uses the same names`),
    stayed: things,
    unread,
  }
}

/** Says what was not removed, and why. */
export function tellRemoval({ failures, left, stayed, unread }: RemovalResult): void {
  for (const failure of failures) tell(`failed: ${failure}`)
  for (const each of left) tell(`left: ${each}`)
  for (const each of stayed) tell(`still there: ${each}`)
  for (const each of unread) tell(`not looked at: ${each}`)
}

/** Without it the rest goes all the same: another reset would not find a better one. */
function tryRecord(): { record: HostRecord | undefined; problem: string[] } {
  try {
    return { record: readRecord(), problem: [] }
  } catch (error) {
    return { record: undefined, problem: [`${messageOf(error)}; images, kernel settings and ${programPath} stay`] }
  }
}

async function runSteps(steps: readonly RemovalStep[]): Promise<string[]> {
  const failures: string[] = []
  for (const { what, remove } of steps) {
    try {
      await step(what, remove)
    } catch (error) {
      failures.push(`${what}: ${messageOf(error)}`)
    }
  }
  return failures
}

/** Programs first: what they would make again must not be removed before they end. */
function runningSteps(): RemovalStep[] {
  return [
    { what: 'units stopped', remove: removeUnits },
    { what: 'containers of pods', remove: removeContainers },
  ]
}

async function removeUnits(): Promise<void> {
  // The agent first: it would only miss its server.
  const present = [agentUnit, serverUnit].filter((unit) => existsSync(join(unitDir, unit)))
  for (const unit of present) await disableUnit(unit)
  for (const unit of present) remove(join(unitDir, unit))
  await reloadUnits()
  // A unit that has failed is remembered without its file.
  if (present.length > 0) await forgetFailures(present).catch(() => undefined /* none of them had failed */)
}

async function removeContainers(): Promise<void> {
  // Without an agent there were no pods, whether Docker runs or not.
  if (await hasDocker({ isNeeded: existsSync(agentDir) })) await removePodContainers()
}

/** Whether Docker answers. Throws when it is needed and only stands still; one that was uninstalled has nothing any more. */
async function hasDocker({ isNeeded }: { isNeeded: boolean }): Promise<boolean> {
  const { problem, isInstalled } = await readDockerFacts()
  if (problem !== undefined && isNeeded && isInstalled)
    throw new Error(`Docker: ${problem}. Start it, and run reset again for what it still has`)
  return problem === undefined
}

function traceSteps(): RemovalStep[] {
  return [
    ...removalSteps({ dataDir: agentDir, cniConfDir, cniBinDir }),
    { what: "slices of pods' cgroups", isShared: true, remove: removeSlices },
  ]
}

/** systemd keeps a slice that it has made for a container until it is stopped. */
async function removeSlices(): Promise<void> {
  await stopUnits(await listSlices('kubepods*.slice'))
}

function recordSteps(record: HostRecord | undefined): RemovalStep[] {
  const images: RemovalStep = { what: 'images', remove: () => removeImages(record?.images ?? []) }
  if (record === undefined) return [images]
  const { hookChains } = record
  return [
    images,
    { what: 'empty chains of iptables', remove: async () => hookChains && (await removeEmptyChains(hookChains)) },
    { what: 'kernel settings', isShared: true, remove: () => restoreSysctls(record) },
  ]
}

async function removeImages(names: readonly string[]): Promise<void> {
  if (!(await hasDocker({ isNeeded: names.length > 0 }))) return
  for (const name of [...names, ...(await listUnnamedImages())])
    if (!(await removeImage(name))) tell(`          image ${name} stays: a container that is not ours uses it`)
}

/**
 * Last of all the record, and just before it the program: until then another reset finds what it needs. Where nothing but the record is
 * left, the file that Fairlead came with does another one.
 */
async function removeFiles(record: HostRecord | undefined): Promise<void> {
  // Removing what is below a mount would remove what is mounted: a user's own files, perhaps.
  const mounts = listMountPoints(stateDir).filter((path) => path !== stateDir)
  if (mounts.length > 0) throw new Error(`still mounted: ${mounts.join(', ')}. Unmount them, and run reset again`)
  for (const path of outerFiles) remove(path)
  // The deepest first, and only those that nobody has put anything into.
  for (const folder of [...(record?.folders ?? [])].sort().reverse())
    await rmdir(folder).catch((error: unknown) => {
      if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'ENOENT')) throw error
    })
  const state = existsSync(stateDir) ? listContent(stateDir) : []
  for (const path of state.filter((each) => each !== hostRecordPath)) remove(path)
  if (isProgramOurs()) remove(programPath)
  remove(hostRecordPath)
  if (!isDisk(stateDir)) remove(stateDir)
}

const remove = (path: string) => rmSync(path, { recursive: true, force: true })
