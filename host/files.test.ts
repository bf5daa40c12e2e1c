import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { replaceFile } from './files.ts'

let directory: string
const at = (name: string) => join(directory, name)

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fl-test-files-'))
  writeFileSync(at('program'), 'old', { mode: 0o700 })
  writeFileSync(at('download'), 'new', { mode: 0o400 })
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a file that is replaced has the mode that was said, whatever its source has', async () => {
  await replaceFile(at('download'), at('program'), 0o755)
  expect(readFileSync(at('program'), 'utf8')).toBe('new')
  expect(statSync(at('program')).mode & 0o777).toBe(0o755)
  expect(readdirSync(directory)).toEqual(['download', 'program'])
})

test('what an earlier copy left half done is no obstacle', async () => {
  writeFileSync(at('program.new'), 'half of something longer')
  await replaceFile(at('download'), at('program'), 0o755)
  expect(readFileSync(at('program'), 'utf8')).toBe('new')
})

test.each([
  ['of a copy', 'gone', 'program'],
  ['of the exchange', 'download', 'folder'],
])('of a failure %s nothing stays, and the old file does', async (_, source, target) => {
  mkdirSync(at('folder'))
  await expect(replaceFile(at(source), at(target), 0o755)).rejects.toThrow()
  expect(readdirSync(directory)).toEqual(['download', 'folder', 'program'])
  expect(readFileSync(at('program'), 'utf8')).toBe('old')
})
