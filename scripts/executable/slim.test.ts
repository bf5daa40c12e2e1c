import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import type { Architecture } from './packages.ts'
import { cutSymbols, removeLibatomic } from './slim.ts'

const architecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'x64'

test('Node without libatomic still exchanges entries of its tables of handles', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-slim-'))
  try {
    const node = cutSymbols(readFileSync(process.execPath))
    removeLibatomic(node, architecture)
    const path = join(folder, 'node')
    writeFileSync(path, node, { mode: 0o755 })
    expect((await execa('ldd', [path])).stdout).not.toContain('libatomic')
    // Many functions, compiled and thrown away: each takes an entry of V8's dispatch table and gives it back.
    const script = `for (let i = 0, sum = 0; i < 3e4; i++) sum += new Function('return ' + i)(); gc(); console.log('lives')`
    expect((await execa(path, ['--expose-gc', '-e', script])).stdout).toBe('lives')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a program that does not need libatomic is refused: the list of what Node needs has changed', () => {
  expect(() => removeLibatomic(readFileSync('/bin/ls'), architecture)).toThrow(/no longer needs libatomic/)
})
