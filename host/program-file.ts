// The one file itself: where it runs from, and how it comes to its place on the host.

import { existsSync, realpathSync } from 'node:fs'
import { isSea } from 'node:sea'
import { Refusal } from './failure.ts'
import { replaceFile, writeLink } from './files.ts'
import { cniPluginPath, programPath } from './paths.ts'

/** The file that is called now. Throws when the sources run, which cannot be copied to their place. */
export function ownProgram(): string {
  const stated = process.env.FAIRLEAD_PROGRAM
  if (stated !== undefined) return stated
  if (isSea()) return process.execPath
  throw new Refusal(
    'this is not the one file: build it (npm run build) and call dist/fairlead, or name it in FAIRLEAD_PROGRAM',
  )
}

/** Whether the file that is called is the one at its place. */
export function isInPlace(): boolean {
  return existsSync(programPath) && realpathSync(ownProgram()) === realpathSync(programPath)
}

/** Puts the file that is called to its place, and the CNI plugin's name beside it. */
export async function installProgram(): Promise<void> {
  if (!isInPlace()) await replaceFile(realpathSync(ownProgram()), programPath, 0o755)
  await writeLink(programPath, cniPluginPath)
}
