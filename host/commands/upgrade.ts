// fairlead upgrade: this host goes over to the file that is called. Pods run on: they are Docker's, and the programs find them.

import { existsSync, rmSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { run } from '../../cni/linux/exec.ts'
import { restartUnit } from '../../cni/linux/systemd.ts'
import { waitForAgent } from '../agent-health.ts'
import { Refusal } from '../failure.ts'
import { linkFile } from '../files.ts'
import { loadImages } from '../images.ts'
import { agentUnit, programPath, serverUnit, unitDir } from '../paths.ts'
import { installProgram, isInPlace, ownProgram } from '../program-file.ts'
import { step, tell } from '../progress.ts'
import { waitForServer } from '../server.ts'

/** The file that was there before, until the new one has proven itself. */
const previousPath = `${programPath}.previous`

/** Adds the command. */
export function addUpgrade(program: Command): void {
  program
    .command('upgrade')
    .description('this host goes over to the file that is called')
    .addHelpText(
      'after',
      `
Call the new file. It takes the place of ${programPath}; the control plane restarts, then the agent; pods run on. When one of them does
not come up, the old file is put back. Upgrade the control plane's host first, then the nodes, one after the other.

Examples:
  sudo ./fairlead upgrade
  sudo /tmp/fairlead-0.2 upgrade`,
    )
    .action(upgrade)
}

async function upgrade(): Promise<void> {
  const units = await findOwnUnits()
  const [from, to] = [await versionOf(programPath), await versionOf(ownProgram())]
  tell(`from  ${from}\nto    ${to}`)
  linkFile(programPath, previousPath)
  try {
    await step(`the new file at ${programPath}`, installProgram)
    if (units.includes(agentUnit)) await step('images in Docker', loadImages)
    await restart(units)
  } catch (error) {
    await goBack(units)
    throw new Refusal(`${error instanceof Error ? error.message : error}\nThis host is back at ${from}`, {
      cause: error,
    })
  }
  rmSync(previousPath, { force: true })
  tell(`this host runs ${to}`)
}

async function findOwnUnits(): Promise<string[]> {
  if (process.getuid?.() !== 0) throw new Refusal('not root: run it again with sudo. Nothing was changed')
  const units = [serverUnit, agentUnit].filter((unit) => existsSync(join(unitDir, unit)))
  if (units.length === 0)
    throw new Refusal(
      'nothing of Fairlead runs on this host: fairlead init or fairlead join sets it up. Nothing was changed',
    )
  if (isInPlace())
    throw new Refusal(
      `this is the file that the host runs already: call the new one, such as ./fairlead upgrade. Nothing was changed`,
    )
  return units
}

/** Also proves that the file is a program that runs on this machine. */
async function versionOf(path: string): Promise<string> {
  return (await run(path, ['version'])).trim()
}

/** The control plane first: agents understand a newer server, not the other way round. */
async function restart(units: readonly string[]): Promise<void> {
  if (units.includes(serverUnit))
    await step('control plane restarted', async () => {
      await restartUnit(serverUnit)
      await waitForServer()
    })
  if (units.includes(agentUnit))
    await step('agent restarted', async () => {
      await restartUnit(agentUnit)
      await waitForAgent()
    })
}

async function goBack(units: readonly string[]): Promise<void> {
  tell('going back to the old file')
  await rename(previousPath, programPath)
  try {
    await restart(units)
  } catch (error) {
    tell(`the old file does not come up either: ${error instanceof Error ? error.message : error}`)
  }
}
