// Writes an image as `docker save` does, which `docker load` reads: manifest.json, the image's config, one tar per layer.
// Format: https://github.com/moby/moby/blob/master/image/spec/spec.md

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
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

/** Writes the archive beside its place, then moves it there whole. */
export async function writeArchive(path: string, { tags, config, layers }: ImageArchive): Promise<void> {
  const configText = JSON.stringify({
    architecture: dockerArchitecture(),
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'fairlead images' })),
  })
  const configName = `${createHash('sha256').update(configText).digest('hex')}.json`
  const layerName = ({ digest }: Layer) => `${digest.replace('sha256:', '')}/layer.tar`
  const manifest = [{ Config: configName, RepoTags: tags, Layers: layers.map(layerName) }]

  await mkdir(dirname(path), { recursive: true })
  const tar = pack()
  const written = pipeline(tar, createWriteStream(`${path}.tmp`))
  const mtime = new Date(0)
  for (const layer of layers)
    await pipeline(createReadStream(layer.path), tar.entry({ name: layerName(layer), size: layer.sizeBytes, mtime }))
  tar.entry({ name: configName, mtime }, configText)
  tar.entry({ name: 'manifest.json', mtime }, JSON.stringify(manifest))
  tar.finalize()
  await written
  await rename(`${path}.tmp`, path)
}
