// The programs, and how each is bundled into one file.

import { join } from 'node:path'
import type { BuildOptions } from 'esbuild'

export const root = join(import.meta.dirname, '..')

/** Entry of each program, by the name of its bundle. */
export const entries = {
  'control-plane': 'control-plane/main.ts',
  agent: 'agent/main.ts',
  fairlead: 'cli/main.ts',
  cbr: 'cni/main.ts',
  dns: 'addons/dns/main.ts',
}

/** What dockerode loads beside its client of the HTTP API. The control plane may have a use for gRPC. */
const unused = ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs', 'tar-fs', '@balena/dockerignore']
const stubs = Object.fromEntries(unused.map((name) => [name, join(root, 'scripts/unused-package.ts')]))

/** What every form of a bundle has in common. */
export function bundleOptions(name: string): BuildOptions {
  return {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node26',
    alias: name === 'control-plane' ? {} : stubs,
    // Optional parts: resolved from node_modules at run time, if at all.
    external: ['ssh2', 'cpu-features', '@grpc/grpc-js', '@grpc/proto-loader'],
    keepNames: true,
    logLevel: 'warning',
  }
}
