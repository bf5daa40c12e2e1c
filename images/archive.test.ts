import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { extract } from 'tar-stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeArchive } from './archive.ts'
import { ensureLayer, type LayerContent, makeLayer } from './layer.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fl-test-archive-'))
})
afterEach(() => rm(directory, { recursive: true }))

const content: LayerContent = new Map([
  ['usr/bin/tool', { content: 'tool', mode: 0o755 }],
  ['bin', { link: 'usr/bin' }],
])

async function readTar(tar: Readable): Promise<Map<string, Buffer>> {
  const entries = extract()
  tar.pipe(entries)
  const found = new Map<string, Buffer>()
  for await (const entry of entries) found.set(entry.header.name, await buffer(entry))
  return found
}

test('a layer holds the parents of its files, in order', async () => {
  const layer = await makeLayer(content)
  expect([...(await readTar(layer.open())).keys()]).toEqual(['bin', 'usr/', 'usr/bin/', 'usr/bin/tool'])
})

test('equal content gives equal bytes, in a file and in memory', async () => {
  const first = await ensureLayer(join(directory, 'a.tar'), async () => content)
  const second = await makeLayer(new Map([...content].reverse()))
  expect(second.digest).toBe(first.digest)
  expect(await buffer(second.open())).toEqual(await buffer(first.open()))
})

test('a layer that is there is not made again', async () => {
  const path = join(directory, 'a.tar')
  const { digest } = await ensureLayer(path, async () => content)
  const refuse = () => Promise.reject(new Error('made twice'))
  expect(await ensureLayer(path, refuse)).toMatchObject({ digest })
})

test('a file that is not there is an error, not a layer without it', async () => {
  await expect(makeLayer(new Map([['tool', { file: join(directory, 'gone') }]]))).rejects.toThrow('ENOENT')
})

test('the manifest names the config, the tags and the layers that the archive holds', async () => {
  const layer = await makeLayer(content)
  const path = join(directory, 'image.tar')
  await writeArchive(path, [{ tags: ['x/y:1'], config: { Cmd: ['/tool'] }, layers: [layer] }])
  const entries = await readTar(createReadStream(path))
  const [manifest] = JSON.parse(String(entries.get('manifest.json')))
  expect(manifest.RepoTags).toEqual(['x/y:1'])
  expect(entries.get(manifest.Layers[0])).toEqual(await buffer(layer.open()))
  const config = JSON.parse(String(entries.get(manifest.Config)))
  expect(config).toMatchObject({ os: 'linux', config: { Cmd: ['/tool'] }, rootfs: { diff_ids: [layer.digest] } })
})
