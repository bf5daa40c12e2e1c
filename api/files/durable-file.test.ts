import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { putInPlace, temporaryOf, writeDurably, writeReady } from './durable-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fl-test-durable-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a file has the mode that was said, also where a crash has left one with another', () => {
  const path = join(folder, 'unit')
  writeFileSync(temporaryOf(path), 'what was longer than the new content', { mode: 0o600 })
  writeDurably(path, 'new', 0o644)
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['new', 0o644])
  expect(readdirSync(folder)).toEqual(['unit'])
})

test('what lies ready changes nothing until it takes its place', () => {
  const path = join(folder, 'key')
  writeDurably(path, 'old', 0o600)
  writeReady(path, 'new', 0o600)
  expect(readFileSync(path, 'utf8')).toBe('old')
  putInPlace(path)
  expect(readFileSync(path, 'utf8')).toBe('new')
})
