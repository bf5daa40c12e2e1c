import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writePayload } from './atomic-writer.ts'
import type { Payload } from './payload.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fairlead-payload-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o644 }]))
const visible = () => readdirSync(directory).filter((name) => !name.startsWith('..'))

test('files that are no longer in the payload go, and one version of it is kept', async () => {
  await writePayload(directory, payload({ colour: 'red', 'deep/size': '1' }))
  expect(await writePayload(directory, payload({ colour: 'blue' }))).toBe(true)
  expect(visible()).toEqual(['colour'])
  expect(readFileSync(join(directory, 'colour'), 'utf8')).toBe('blue')
  expect(readdirSync(directory)).toHaveLength(3)
})

test('the same payload again writes nothing', async () => {
  await writePayload(directory, payload({ colour: 'red' }))
  const before = readdirSync(directory)
  expect(await writePayload(directory, payload({ colour: 'red' }))).toBe(false)
  expect(readdirSync(directory)).toEqual(before)
})

test('names that a killed write did not make yet are made by the next', async () => {
  await writePayload(directory, payload({ colour: 'red', size: '1' }))
  rmSync(join(directory, 'colour'))
  await writePayload(directory, payload({ colour: 'red', size: '1' }))
  expect(visible()).toEqual(['colour', 'size'])
})

test('what a write that was killed after its swap left goes with the next, though nothing has changed', async () => {
  await writePayload(directory, payload({ colour: 'red' }))
  mkdirSync(join(directory, '..2026_old'))
  symlinkSync('..data/size', join(directory, 'size'))
  await writePayload(directory, payload({ colour: 'red' }))
  expect(visible()).toEqual(['colour'])
  expect(readdirSync(directory)).toHaveLength(3)
})
