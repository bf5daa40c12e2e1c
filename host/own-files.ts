// The files and folders that are ours on a host: what `check` looks for and `reset` removes. What a process that was killed while
// it wrote has left beside them is among them.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ownConfigPaths } from '../agent/network/conflist.ts'
import { temporaryOf } from '../api/files/durable-file.ts'
import { listMountPoints } from '../cni/linux/mounts.ts'
import {
  agentUnit,
  cniConfDir,
  cniPluginPath,
  configDir,
  previousProgramPath,
  programPath,
  serverUnit,
  stateDir,
  unitDir,
} from './paths.ts'

/** Those that go before the state and the program: without these two there is no other `reset`. */
export const outerFiles: readonly string[] = [
  ...[agentUnit, serverUnit].flatMap((unit) => withTemporary(join(unitDir, unit))),
  ...[configDir, ...withTemporary(cniPluginPath), ...ownConfigPaths(cniConfDir)],
  ...[temporaryOf(programPath), previousProgramPath],
]

/** Those of them all that there are. Whether the program is ours, the record says. */
export function findOwnFiles({ isProgramOurs }: { isProgramOurs: boolean }): string[] {
  const found = [...outerFiles, ...(isProgramOurs ? [programPath] : [])].filter(isThere)
  return isThere(stateDir) && !isEmptyDisk(stateDir) ? [stateDir, ...found] : found
}

/** A disk of the user's for our state: it stays mounted where it is, with what its file system keeps in it. */
export function isDisk(path: string): boolean {
  return listMountPoints(path).includes(path)
}

/** What is in a folder but the place where file systems put what fsck(8) finds. */
export function listContent(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name !== 'lost+found')
    .map((name) => join(folder, name))
}

const isEmptyDisk = (path: string) => isDisk(path) && listContent(path).length === 0

function withTemporary(path: string): string[] {
  return [path, temporaryOf(path)]
}

/** Not existsSync: the plugin's link may lead nowhere by now. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
