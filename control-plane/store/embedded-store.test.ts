import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DirectoryLockedError } from './directory-lock.ts'
import { openEmbeddedStore } from './embedded-store.ts'
import { testStore } from './store.cases.ts'

const root = mkdtempSync(join(tmpdir(), 'fl-store-'))
afterAll(() => rmSync(root, { recursive: true }))
const makeDirectory = () => mkdtempSync(join(root, 'data-'))

testStore(async () => openEmbeddedStore(makeDirectory()))

test('everything is there again after closing and opening', async () => {
  const directory = makeDirectory()
  const first = openEmbeddedStore(directory)
  const x = await first.create('/a/x', 'one')
  const y = await first.create('/a/y', 'two')
  await first.delete('/a/y', y.revision)
  await first.compact(x.revision)
  await first.close()
  const second = openEmbeddedStore(directory)
  expect(await second.revision()).toBe(4)
  expect((await second.list('/')).entries).toEqual([x])
  expect((await second.list('/', { revision: 3 })).entries).toEqual([x, y])
  await expect(second.get('/a/x', { revision: 1 })).rejects.toMatchObject({ code: 'COMPACTED', oldestRevision: 2 })
  expect((await second.create('/a/z', 'three')).revision).toBe(5)
  await second.close()
})

test('the revision does not go back when the newest write was a deletion that is compacted', async () => {
  const directory = makeDirectory()
  const first = openEmbeddedStore(directory)
  const x = await first.create('/a/x', '')
  await first.delete('/a/x', x.revision)
  await first.compact(3)
  await first.close()
  const second = openEmbeddedStore(directory)
  expect(await second.revision()).toBe(3)
  await second.close()
})

test('a directory in use is refused and says so, and is free after closing', async () => {
  const directory = makeDirectory()
  const first = openEmbeddedStore(directory)
  expect(() => openEmbeddedStore(directory)).toThrow(DirectoryLockedError)
  expect(() => openEmbeddedStore(directory)).toThrow(`in use by another process (pid ${process.pid})`)
  await first.close()
  const second = openEmbeddedStore(directory)
  await second.close()
})

test('a closed store refuses writes', async () => {
  const store = openEmbeddedStore(makeDirectory())
  await store.close()
  await expect(store.create('/a/x', '')).rejects.toThrow('the store is closed')
})
