// Writes an image as `docker save` does, which `docker load` reads: manifest.json, the image's config, one tar per layer.
// Format: https://github.com/moby/moby/blob/master/image/spec/spec.md

import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import type { Layer } from './layer.ts'

/** The part of an image's config that says how it runs. */
export interface ImageConfig {
  Entrypoint?: string[]
  Cmd?: string[]
  /** "uid:gid"; root when absent. */
  User?: string
  Env?: string[]
  WorkingDir?: string
  ExposedPorts?: Record<string, object>
  Labels?: Record<string, string>
}

export interface ImageArchive {
  tags: string[]
  config: ImageConfig
  /** Lowest first. */
  layers: Layer[]
}

/** The name that Docker and Node's process.arch have for one machine. */
const dockerArchitecture = (): string => (process.arch === 'x64' ? 'amd64' : process.arch)

/** Writes the archive of these images beside its place, then moves it there whole. */
export async function writeArchive(path: string, images: readonly ImageArchive[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await pipeline(packArchive(images), createWriteStream(`${path}.tmp`))
  await rename(`${path}.tmp`, path)
}

/** The archive of several images, as a stream. A layer that cannot be read ends it with an error. */
export function packArchive(images: readonly ImageArchive[]): Readable {
  const tar = pack()
  addImages(tar, images).catch((error: Error) => tar.destroy(error))
  return Readable.from(tar)
}

type Tar = ReturnType<typeof pack>

async function addImages(tar: Tar, images: readonly ImageArchive[]): Promise<void> {
  const mtime = new Date(0)
  const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [layer.digest, layer] as const)))
  for (const layer of layers.values())
    await pipeline(layer.open(), tar.entry({ name: layerName(layer), size: layer.sizeBytes, mtime }))
  const manifest = images.map((image) => {
    const text = makeConfig(image)
    const name = `${createHash('sha256').update(text).digest('hex')}.json`
    tar.entry({ name, mtime }, text)
    return { Config: name, RepoTags: image.tags, Layers: image.layers.map(layerName) }
  })
  tar.entry({ name: 'manifest.json', mtime }, JSON.stringify(manifest))
  tar.finalize()
}

const layerName = ({ digest }: Layer): string => `${digest.replace('sha256:', '')}/layer.tar`

function makeConfig({ config, layers }: ImageArchive): string {
  return JSON.stringify({
    architecture: dockerArchitecture(),
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'fairlead images' })),
  })
}
