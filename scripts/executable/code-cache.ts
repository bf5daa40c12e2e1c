// Makes V8's code cache of a bundle, in the Node that will read it: `node code-cache.ts BUNDLE OUT`. All functions are in it, not only
// those that a start calls, so that nothing is compiled when a host first needs it.

import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { constants, Script } from 'node:vm'

const [bundle = '', out = ''] = process.argv.slice(2)
setFlagsFromString('--no-lazy')
const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: `fairlead/${basename(bundle)}`,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
})
// The cache is of use only where the flags are as they were when it was made.
setFlagsFromString('--lazy')
writeFileSync(out, script.createCachedData())
