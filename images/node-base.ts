// The two lowest layers of every image whose program runs on Node: Node itself and its libraries. Images that have them in
// common share them on a node's disk.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import type { LayerContent } from './layer.ts'

/** Empty folders that a container's mounts want, and the libraries of Node. Throws when they cannot be found out. */
export async function makeLibrariesContent(node: string): Promise<LayerContent> {
  const content: LayerContent = new Map()
  for (const directory of ['bin', 'sbin', 'lib', 'lib64']) content.set(directory, { link: `usr/${directory}` })
  for (const directory of ['proc', 'sys', 'dev', 'run', 'root', 'var/tmp', 'usr/bin', 'usr/sbin', 'usr/lib64'])
    content.set(directory, { directory: true })
  content.set('tmp', { directory: true, mode: 0o1777 })
  const libraries = await findLibraries([node])
  if (![...libraries].some((path) => basename(path).startsWith('libc.so')))
    throw new Error(`ldd names no libc.so among what ${node} loads: is ldd there, and does it work on this program?`)
  addLibraries(content, libraries)
  return content
}

/** Without its debug symbols Node is a fifth smaller. */
export async function makeNodeContent(node: string): Promise<LayerContent> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-node-'))
  try {
    const stripped = join(directory, 'node')
    await execa('strip', ['-o', stripped, node])
    return new Map([['usr/bin/node', { content: await readFile(stripped), mode: 0o755 }]])
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Puts shared libraries where the dynamic loader looks for them. */
export function addLibraries(content: LayerContent, files: Iterable<string>): void {
  for (const file of files) content.set(file.replace(/^\/(usr\/)?/, 'usr/'), { file, mode: 0o755 })
}

/** The shared libraries that these programs load, as ldd tells; none for a static one. */
export async function findLibraries(programs: readonly string[]): Promise<Set<string>> {
  const outputs = await Promise.all(programs.map((program) => execa('ldd', [program], { reject: false })))
  const paths = outputs.flatMap(({ stdout = '' }) => [...stdout.matchAll(/(?:=> |^\s+)(\/\S+)/gm)])
  return new Set(paths.flatMap(([, path]) => path ?? []))
}
