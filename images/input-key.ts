// Names built things after what goes into them, so that nothing is built twice.

import { createHash } from 'node:crypto'
import { globSync, readFileSync, realpathSync, statSync } from 'node:fs'

/** Hash of the sources' contents, and of where big files lie, how long they are and when they were written. */
export function makeInputKey({ sources, programs = [] }: { sources: string[]; programs?: string[] }): string {
  const hash = createHash('sha256').update(process.arch)
  for (const path of globSync(sources).sort()) if (statSync(path).isFile()) hash.update(path).update(readFileSync(path))
  for (const program of programs) {
    const path = realpathSync(program)
    const { size, mtimeMs } = statSync(path)
    hash.update(`${path} ${size} ${mtimeMs}`)
  }
  return hash.digest('hex').slice(0, 24)
}
