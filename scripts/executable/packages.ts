// What is of another make for each architecture: Node itself and lmdb's native part, both from npm packages.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { root } from '../programs.ts'

const architectures = ['x64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export const isArchitecture = (text: string): text is Architecture => architectures.some((known) => known === text)

export interface Parts {
  /** Path of the Node binary. */
  node: string
  /** Path of lmdb's native part, of the interface that stays the same from Node to Node. */
  lmdb: string
}

/** The parts of an architecture, as the lock file pins them; those of another machine's are fetched once. */
export async function ensureParts(architecture: Architecture): Promise<Parts> {
  return {
    node: join(await ensurePackage(`node-linux-${architecture}`), 'bin/node'),
    lmdb: join(await ensurePackage(`@lmdb/lmdb-linux-${architecture}`), 'node.napi.glibc.node'),
  }
}

interface Lock {
  packages: Record<string, { version?: string; integrity?: string }>
}

/** The folder of a package: in node_modules when it is for this machine, else below .cache. */
async function ensurePackage(name: string): Promise<string> {
  const installed = join(root, 'node_modules', name)
  if (existsSync(installed)) return installed
  const { packages }: Lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { version, integrity } = packages[`node_modules/${name}`] ?? {}
  if (version === undefined || integrity === undefined) throw new Error(`package-lock.json does not pin ${name}`)
  const folder = join(root, '.cache/packages', `${name.replace('/', '-')}-${version}`)
  if (!existsSync(folder)) await fetchPackage(`${name}@${version}`, integrity, folder)
  return folder
}

async function fetchPackage(spec: string, integrity: string, folder: string): Promise<void> {
  const unfinished = `${folder}.tmp`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true })
  const { stdout } = await execa('npm', ['pack', '--silent', '--pack-destination', unfinished, spec], { cwd: root })
  const archive = join(unfinished, basename(stdout.trim()))
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
  if (found !== integrity) throw new Error(`${spec}: its hash is ${found}, and package-lock.json wants ${integrity}`)
  await execa('tar', ['-xzf', archive, '-C', unfinished, '--strip-components=1'])
  rmSync(archive)
  renameSync(unfinished, folder)
}
