// The image of every pod's sandbox: one static program of a few hundred bytes.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ImageConfig } from '../archive.ts'
import type { LayerContent } from '../layer.ts'

export const tags = ['fairlead/pause:1']
export const config: ImageConfig = { Cmd: ['/pause'], Labels: { 'io.fairlead.image': 'pause' } }

/** The image's only layer. */
export async function makeContent(): Promise<LayerContent> {
  return toContent(await makeProgram(process.arch === 'arm64' ? 'arm64' : 'x64'))
}

/** The layer of a program that was made elsewhere. */
export function toContent(program: Buffer): LayerContent {
  return new Map([['pause', { content: program, mode: 0o755 }]])
}

const toolchains = {
  x64: { source: 'pause-x86-64.s', prefix: 'x86_64-linux-gnu-', package: 'binutils-x86-64-linux-gnu' },
  arm64: { source: 'pause-arm64.s', prefix: 'aarch64-linux-gnu-', package: 'binutils-aarch64-linux-gnu' },
}

/** Assembles and links the program with binutils, for another architecture with Debian's for that. Throws when they are not there. */
export async function makeProgram(architecture: keyof typeof toolchains): Promise<Buffer> {
  const toolchain = toolchains[architecture]
  const prefix = architecture === process.arch ? '' : toolchain.prefix
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-pause-'))
  try {
    const [object, program] = [join(directory, 'pause.o'), join(directory, 'pause')]
    await execa(`${prefix}as`, ['-o', object, join(import.meta.dirname, toolchain.source)])
    await execa(`${prefix}ld`, ['-static', '-s', '--build-id=none', '-o', program, object])
    return await readFile(program)
  } catch (error) {
    throw new Error(`cannot assemble the pause program: is ${toolchain.package} installed?`, { cause: error })
  } finally {
    await rm(directory, { recursive: true })
  }
}
