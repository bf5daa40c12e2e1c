// V8 reads a code cache only of its own make and architecture: for another machine's it is made under QEMU.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Architecture } from './packages.ts'

/** Of Debian's qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross. */
const emulator = '/usr/bin/qemu-aarch64-static'
const libraries = '/usr/aarch64-linux-gnu'

/** Writes NAME.cache beside each NAME.js in the folder, where `node` is the architecture's. Without QEMU they are empty, and a start there compiles. */
export async function writeCodeCaches(folder: string, architecture: Architecture, names: string[]): Promise<void> {
  const command = commandFor(architecture, join(folder, 'node'))
  if (command === undefined) {
    for (const name of names) writeFileSync(join(folder, `${name}.cache`), '')
    console.error(`without ${emulator} and ${libraries} the programs for ${architecture} start slower`)
    return
  }
  const [program = '', ...first] = command
  await execa(program, [...first, join(import.meta.dirname, 'make-code-cache.ts'), folder, ...names])
}

/** The words that start the architecture's Node here; none when this machine cannot. */
export function commandFor(architecture: Architecture, node: string): string[] | undefined {
  if (architecture === process.arch) return [node]
  if (architecture !== 'arm64' || !existsSync(emulator) || !existsSync(libraries)) return undefined
  return [emulator, '-L', libraries, node]
}
