// Writes one layer of an image as a tar: sorted, owned by root, with times of zero, so that equal input gives equal bytes
// and Docker's layer cache holds.

import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
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
  path: string
  sizeBytes: number
  /** "sha256:…" of the tar: the layer's diff id. */
  digest: string
}

/** Writes the layer unless the file is there already; the name stands for the content. */
export async function ensureLayer(path: string, makeContent: () => Promise<LayerContent>): Promise<Layer> {
  const existing = await stat(path).catch(() => undefined) // absent the first time
  if (existing === undefined) await writeLayer(path, await makeContent())
  const tar = await readFile(path)
  return { path, sizeBytes: tar.length, digest: `sha256:${createHash('sha256').update(tar).digest('hex')}` }
}

async function writeLayer(path: string, content: LayerContent): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const tar = pack()
  const unfinished = `${path}.tmp`
  const written = pipeline(tar, createWriteStream(unfinished))
  const withParents = addParents(content)
  for (const name of [...withParents.keys()].sort()) {
    const entry = withParents.get(name)
    if (entry !== undefined) await addEntry(tar, name, entry)
  }
  tar.finalize()
  await written
  await rename(unfinished, path)
  await rm(unfinished, { force: true })
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
