// Makes V8's code caches of bundles, in the Node that will read them: `node make-code-cache.ts FOLDER NAME...` writes NAME.cache beside
// NAME.js. All functions are in it, not only those that a start calls, so that nothing is compiled when a host first needs it.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { constants, Script } from 'node:vm'

const [folder = '', ...names] = process.argv.slice(2)
for (const name of names) {
  setFlagsFromString('--no-lazy')
  const script = new Script(readFileSync(join(folder, `${name}.js`), 'latin1'), {
    filename: `fairlead/${name}.js`,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  // The cache is of use only where the flags are as they were when it was made.
  setFlagsFromString('--lazy')
  writeFileSync(join(folder, `${name}.cache`), script.createCachedData())
}
