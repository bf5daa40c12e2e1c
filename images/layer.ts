// Writes one layer of an image as a tar: sorted, owned by root, with times of zero, so that equal input gives equal bytes
// and Docker's layer cache holds.

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'

/** What lies at a path of the image. */
type LayerEntry =
  | { content: Buffer | string; mode?: number }
  | { file: string; mode?: number }
  | { link: string }
  | { directory: true; mode?: number }

/** By path below the root, without a leading slash. Parent directories come by themselves. */
export type LayerContent = Map<string, LayerEntry>

export interface Layer {
  sizeBytes: number
  /** "sha256:…" of the tar: the layer's diff id. */
  digest: string
  /** The tar, from its start. */
  open(): Readable
}

/** Keeps the layer as a file, written unless it is there already; the name stands for the content. */
export async function ensureLayer(path: string, makeContent: () => Promise<LayerContent>): Promise<Layer> {
  if (!existsSync(path)) await writeLayer(path, await makeContent())
  return { ...measure(await readFile(path)), open: () => createReadStream(path) }
}

/** A layer in memory. */
export async function makeLayer(content: LayerContent): Promise<Layer> {
  const tar = await buffer(packLayer(content))
  return { ...measure(tar), open: () => Readable.from([tar]) }
}

function measure(tar: Buffer): Pick<Layer, 'sizeBytes' | 'digest'> {
  return { sizeBytes: tar.length, digest: `sha256:${createHash('sha256').update(tar).digest('hex')}` }
}

async function writeLayer(path: string, content: LayerContent): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await pipeline(packLayer(content), createWriteStream(`${path}.tmp`))
  await rename(`${path}.tmp`, path)
}

function packLayer(content: LayerContent): Readable {
  const tar = pack()
  addEntries(tar, content).catch((error: Error) => tar.destroy(error))
  return Readable.from(tar)
}

async function addEntries(tar: Tar, content: LayerContent): Promise<void> {
  const withParents = [...addParents(content)]
  for (const [name, entry] of withParents.sort(([a], [b]) => (a < b ? -1 : 1))) await addEntry(tar, name, entry)
  tar.finalize()
}

function addParents(content: LayerContent): LayerContent {
  const all = new Map(content)
  for (const name of content.keys())
    for (let parent = dirname(name); parent !== '.'; parent = dirname(parent))
      if (!all.has(parent)) all.set(parent, { directory: true })
  return all
}

type Tar = ReturnType<typeof pack>

async function addEntry(tar: Tar, name: string, entry: LayerEntry): Promise<void> {
  const common = { uid: 0, gid: 0, mtime: new Date(0) }
  const write = (headers: Parameters<Tar['entry']>[0], body?: Buffer) =>
    new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve())
      if (body === undefined) tar.entry(headers, done)
      else tar.entry(headers, body, done)
    })
  if ('link' in entry) return await write({ ...common, name, type: 'symlink', linkname: entry.link, mode: 0o777 })
  if ('directory' in entry)
    return await write({ ...common, name: `${name}/`, type: 'directory', mode: entry.mode ?? 0o755 })
  const body = 'file' in entry ? await readFile(entry.file) : Buffer.from(entry.content)
  await write({ ...common, name, type: 'file', mode: entry.mode ?? 0o644, size: body.length }, body)
}
