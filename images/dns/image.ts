// The image of the cluster's DNS server: Node, and the program as one file. It has no shell and runs as nobody's user. On hosts of
// one's own it has neither: the file that every host has is mounted into it.

import type { ImageConfig } from '../archive.ts'
import type { LayerContent } from '../layer.ts'

export const tags = ['fairlead/dns:1', 'fairlead/dns:latest']
export const config: ImageConfig = {
  Entrypoint: ['/usr/bin/node', '--max-semi-space-size=2', '/usr/lib/dns/main.mjs'],
  User: '65532:65532',
  WorkingDir: '/',
  ExposedPorts: { '5353/udp': {}, '5353/tcp': {}, '9153/tcp': {} },
  Labels: { 'io.fairlead.image': 'dns' },
}

/** Where the server of a host finds the one file, which is mounted there. */
export const mountedProgram = '/usr/local/bin/fairlead'
/** As `config`, of an image with the libraries alone. */
export const hostConfig: ImageConfig = {
  ...config,
  Entrypoint: [mountedProgram, 'dns'],
  Env: ['NODE_OPTIONS=--max-semi-space-size=2'],
}

/** The program, as scripts/build.ts has bundled it. */
export function makeProgramContent(program: string): LayerContent {
  return new Map([['usr/lib/dns/main.mjs', { file: program, mode: 0o644 }]])
}
