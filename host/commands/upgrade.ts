// fairlead upgrade: this host goes over to the file that is called. Pods run on: they are Docker's, and the programs find them.

import { existsSync, linkSync, rmSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { run } from '../../cni/linux/exec.ts'
import { restartUnit, showUnit } from '../../cni/linux/systemd.ts'
import { waitForAgent } from '../agent-health.ts'
import { renewDns } from '../dns.ts'
import { messageOf, Refusal } from '../failure.ts'
import { loadImages, removeOldImages } from '../images.ts'
import { withInterruption } from '../interruption.ts'
import { agentUnit, previousProgramPath, programPath, serverUnit, unitDir } from '../paths.ts'
import { installProgram, isInPlace, ownProgram } from '../program-file.ts'
import { step, tell } from '../progress.ts'
import { waitForServer } from '../server.ts'
import { flagOf } from '../units.ts'

/** Adds the command. */
export function addUpgrade(program: Command): void {
  program
    .command('upgrade')
    .description('this host goes over to the file that is called')
    .addHelpText(
      'after',
      `
Call the new file. It takes the place of ${programPath}; the control plane restarts, then the agent; pods run on. When one of them does
not come up, the old file is put back. Upgrade the control plane's host first, then the nodes, one after the other. The units stay as
init and join wrote them. What was broken off is mended by calling it again.

Examples:
  sudo ./fairlead upgrade
  sudo /tmp/fairlead-0.2 upgrade`,
    )
    .action(upgrade)
}

async function upgrade(): Promise<void> {
  const units = findOwnUnits()
  const to = await versionOf(ownProgram())
  const from = await keepProven(units)
  tell(`from  ${from}\nto    ${to}`)
  await withInterruption((signal) => goOver(units, { from, signal }))
  try {
    if (units.includes(serverUnit)) await step("the cluster's DNS", async () => renewDns(await readDnsSettings()))
    if (units.includes(agentUnit)) await step('images of earlier versions', removeOldImages)
  } catch (error) {
    throw new Refusal(`${messageOf(error)}\nThis host runs ${to}, and lacks this last step: call it again`, {
      cause: error,
    })
  }
  // As long as it is there the upgrade has not ended, and may be called again from the file at its place.
  rmSync(previousProgramPath, { force: true })
  tell(`this host runs ${to}`)
}

function findOwnUnits(): string[] {
  if (process.getuid?.() !== 0) throw new Refusal('not root: run it again with sudo. Nothing was changed')
  const units = [serverUnit, agentUnit].filter((unit) => existsSync(join(unitDir, unit)))
  if (units.length === 0)
    throw new Refusal(
      'nothing of Fairlead runs on this host: fairlead init or fairlead join sets it up. Nothing was changed',
    )
  if (isInPlace() && !existsSync(previousProgramPath))
    throw new Refusal(
      `this is the file that the host runs already: call the new one, such as ./fairlead upgrade. Nothing was changed`,
    )
  return units
}

/** Also proves that the file is a program that runs on this machine; an empty one ends well, as a script of the shell. */
async function versionOf(path: string): Promise<string> {
  const version = (await run(path, ['version'])).trim()
  if (version === '') throw new Error(`${path} version: says nothing`)
  return version
}

/**
 * Gives the file that runs its second name, and returns its version. Of an upgrade that was broken off the second name is still
 * there: that file has proven itself, and the one at the place perhaps not.
 */
async function keepProven(units: readonly string[]): Promise<string> {
  const isKept = existsSync(previousProgramPath)
  const proven = isKept ? previousProgramPath : programPath
  const version = await versionOf(proven).catch((error: unknown) => {
    const mend = isKept
      ? `rm ${proven}   and call it again`
      : `install -m 755 ${ownProgram()} ${proven} && systemctl restart ${units.join(' ')}   goes over without a way back`
    throw new Refusal(`the file to go back to does not run: ${messageOf(error)}. Nothing was changed\n  ${mend}`, {
      cause: error,
    })
  })
  if (!isKept) linkSync(programPath, previousProgramPath)
  return version
}

async function goOver(
  units: readonly string[],
  { from, signal }: { from: string; signal: AbortSignal },
): Promise<void> {
  try {
    await step(`the new file at ${programPath}`, installProgram)
    for (const { title, act } of stepsOf(units)) await step(title, () => act(signal))
    signal.throwIfAborted()
  } catch (error) {
    const failures = await goBack(units)
    const problems = failures.length === 0 ? '' : `, but: ${failures.join('; ')}`
    // What was under way when somebody broke it off fails with words of its own.
    const why = messageOf(signal.aborted ? signal.reason : error)
    throw new Refusal(`${why}\nThis host is back at ${from}${problems}`, { cause: error })
  }
}

/** The control plane before the agent: agents understand a newer server, not the other way round. */
const steps = [
  { unit: agentUnit, title: 'images in Docker', act: loadImages },
  { unit: serverUnit, title: 'control plane restarted', act: restartServer },
  { unit: agentUnit, title: 'agent restarted', act: restartAgent },
]

async function restartServer(signal?: AbortSignal): Promise<void> {
  await restartUnit(serverUnit)
  await waitForServer(signal)
}

async function restartAgent(signal?: AbortSignal): Promise<void> {
  await restartUnit(agentUnit)
  await waitForAgent(signal)
}

const stepsOf = (units: readonly string[]) => steps.filter(({ unit }) => units.includes(unit))

/** Each step by itself: what has failed for the new file may fail for the old one too. Returns what did. */
async function goBack(units: readonly string[]): Promise<string[]> {
  if (statSync(previousProgramPath).ino === statSync(programPath, { throwIfNoEntry: false })?.ino) {
    // Not exchanged yet; and rename(2) does nothing where both are one file.
    rmSync(previousProgramPath)
    return []
  }
  tell('going back to the old file')
  await rename(previousProgramPath, programPath)
  const failures: string[] = []
  for (const { title, act } of stepsOf(units))
    await step(title, () => act()).catch((error: unknown) => failures.push(messageOf(error)))
  return failures
}

/** The cluster's, as the control plane was started with them. */
async function readDnsSettings(): Promise<Parameters<typeof renewDns>[0]> {
  const start = (await showUnit(serverUnit, ['ExecStart'])).get('ExecStart') ?? ''
  return { clusterDns: flagOf(start, 'cluster-dns'), clusterDomain: flagOf(start, 'cluster-domain') }
}
