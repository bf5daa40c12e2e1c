// Bundles each program into one file below dist/, which hosts start faster and with less memory than the sources.

import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const programs = {
  'control-plane': 'control-plane/main.ts',
  agent: 'agent/main.ts',
  fairlead: 'cli/main.ts',
  cbr: 'cni/main.ts',
  dns: 'addons/dns/main.ts',
}

/** What dockerode loads beside its client of the HTTP API. The control plane may have a use for gRPC. */
const unusedByAgent = ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs', 'tar-fs', '@balena/dockerignore']
const stubs = Object.fromEntries(unusedByAgent.map((name) => [name, join(root, 'scripts/unused-package.ts')]))

mkdirSync(join(root, 'dist'), { recursive: true })
// Read only when a client asks for it, so it stays a file.
copyFileSync(join(root, 'api', 'generated', 'openapi.json'), join(root, 'dist', 'openapi.json'))
for (const [name, entry] of Object.entries(programs)) {
  const started = performance.now()
  const outfile = join(root, 'dist', `${name}.js`)
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    alias: name === 'agent' ? stubs : {},
    // Native or optional parts: resolved from node_modules at run time.
    external: ['lmdb', 'ssh2', 'cpu-features', '@grpc/grpc-js', '@grpc/proto-loader'],
    // Packages written for CommonJS expect require and __dirname.
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    keepNames: true,
    logLevel: 'warning',
  })
  chmodSync(outfile, 0o755)
  console.log(`dist/${name}.js (${(performance.now() - started).toFixed(0)} ms)`)
}
