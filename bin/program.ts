// Starts a program out of the executable: its text and V8's code cache of it are assets, read where they lie in memory.

import { getRawAsset } from 'node:sea'
import { constants, Script } from 'node:vm'
import type { ProgramName } from './commands.ts'
import { loadAddon } from './native.ts'

/** How a bundle is called: as CommonJS modules are. `require` knows only what Node itself has. */
type Start = (exports: object, require: NodeJS.Require, module: object, filename: string, dirname: string) => void

/** Compiles and starts a bundle. What it throws later is its own, as in a process of its own. */
export function startProgram(program: ProgramName): void {
  const cachedData = readAsset(`${program}.cache`)
  // The bundles are ASCII (the build sees to it), so that V8 keeps a byte a letter.
  const script = new Script(readAsset(`${program}.js`).toString('latin1'), {
    filename: `fairlead/${program}.js`,
    // Cloud providers are modules of the user.
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData.length > 0 && { cachedData }),
  })
  const start: Start = script.runInThisContext()
  start({}, Object.assign(require, { addon: loadAddon }), {}, process.execPath, '')
}

/** Runs a script as `node -e` does. */
export function runScript(source: string): void {
  const start: (require: NodeJS.Require) => void = new Script(`(function (require) {${source}\n})`, {
    filename: '[eval]',
  }).runInThisContext()
  start(require)
}

function readAsset(key: string): Buffer {
  return Buffer.from(getRawAsset(key))
}
