// Builds the one file that hosts need: dist/fairlead-x64 and -arm64, and dist/fairlead, which is this machine's. Node with all programs
// inside: see docs/hosts.md, "The one file". Usage: node scripts/build-executable.ts [x64] [arm64]; this machine's without arguments.

import { linkSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buildExecutable } from './executable/build.ts'
import { bundlePrograms } from './executable/bundle.ts'
import { type Architecture, isArchitecture } from './executable/packages.ts'
import { root } from './programs.ts'

const asked = process.argv.slice(2)
const architectures = (asked.length > 0 ? asked : [process.arch]).map(requireArchitecture)
const dist = join(root, 'dist')
mkdirSync(dist, { recursive: true })
const programs = await bundlePrograms()
for (const architecture of architectures) {
  const started = performance.now()
  const path = join(dist, `fairlead-${architecture}`)
  const isNew = await buildExecutable(architecture, programs, path)
  if (architecture === process.arch) linkAs(path, join(dist, 'fairlead'))
  const took = isNew ? `${((performance.now() - started) / 1000).toFixed(1)} s` : 'unchanged'
  console.log(`dist/fairlead-${architecture} (${(statSync(path).size / 1e6).toFixed(1)} MB, ${took})`)
}

function requireArchitecture(text: string): Architecture {
  if (isArchitecture(text)) return text
  console.error(`build-executable: architecture "${text}": must be x64 or arm64`)
  process.exit(2)
}

function linkAs(path: string, name: string): void {
  rmSync(`${name}.tmp`, { force: true })
  linkSync(path, `${name}.tmp`)
  renameSync(`${name}.tmp`, name)
  // Where both were the same file already, rename(2) has done nothing.
  rmSync(`${name}.tmp`, { force: true })
}
