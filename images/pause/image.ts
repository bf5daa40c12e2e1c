// The image of every pod's sandbox: one static program of a few hundred bytes.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ImageConfig } from '../archive.ts'
import type { LayerContent } from '../layer.ts'

export const tags = ['fairlead/pause:1']
export const config: ImageConfig = { Cmd: ['/pause'], Labels: { 'io.fairlead.image': 'pause' } }

/** Assembles and links the program for this machine with binutils. */
export async function makeContent(): Promise<LayerContent> {
  const source = join(import.meta.dirname, process.arch === 'arm64' ? 'pause-arm64.s' : 'pause-x86-64.s')
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-pause-'))
  try {
    const [object, program] = [join(directory, 'pause.o'), join(directory, 'pause')]
    await execa('as', ['-o', object, source])
    await execa('ld', ['-static', '-s', '--build-id=none', '-o', program, object])
    return new Map([['pause', { content: await readFile(program), mode: 0o755 }]])
  } finally {
    await rm(directory, { recursive: true })
  }
}
