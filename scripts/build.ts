// Bundles each program into one file below dist/, which hosts start faster and with less memory than the sources.

import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bundleOptions, entries, root } from './programs.ts'

mkdirSync(join(root, 'dist'), { recursive: true })
// Read only when a client asks for it, so it stays a file.
copyFileSync(join(root, 'api', 'generated', 'openapi.json'), join(root, 'dist', 'openapi.json'))
for (const [name, entry] of Object.entries(entries)) {
  const started = performance.now()
  const outfile = join(root, 'dist', `${name}.js`)
  const options = bundleOptions(name)
  await build({
    ...options,
    entryPoints: [join(root, entry)],
    outfile,
    format: 'esm',
    // Native: resolved from node_modules at run time.
    external: [...(options.external ?? []), 'lmdb'],
    // Packages written for CommonJS expect require and __dirname.
    banner: {
      js: "#!/usr/bin/env -S node --disable-warning=ExperimentalWarning\nimport { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  })
  chmodSync(outfile, 0o755)
  console.log(`dist/${name}.js (${(performance.now() - started).toFixed(0)} ms)`)
}
