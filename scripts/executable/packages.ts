// What is of another make for each architecture: Node itself and lmdb's native part, both from npm packages.

import { join } from 'node:path'
import { root } from '../programs.ts'

const architectures = ['x64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export const isArchitecture = (text: string): text is Architecture => architectures.some((known) => known === text)

export interface Parts {
  /** Path of the Node binary. */
  node: string
  /** Path of lmdb's native part, of the ABI that stays the same from Node to Node. */
  lmdb: string
}

/** The parts of an architecture, as the lock file pins them. */
export async function ensureParts(architecture: Architecture): Promise<Parts> {
  const modules = join(root, 'node_modules')
  return {
    node: join(modules, `node-linux-${architecture}/bin/node`),
    lmdb: join(modules, `@lmdb/lmdb-linux-${architecture}/node.napi.glibc.node`),
  }
}
