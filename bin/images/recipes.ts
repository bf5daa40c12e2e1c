// The images that every host needs before any registry is reached, made from the executable itself: the pause program is in it, and the
// DNS server is the executable over again, with the libraries that it loads on this host.

import { join } from 'node:path'
import { getRawAsset } from 'node:sea'
import type { ImageArchive } from '../../images/archive.ts'
import * as dns from '../../images/dns/image.ts'
import { ensureLayer } from '../../images/layer.ts'
import { makeLibrariesContent } from '../../images/node-base.ts'
import * as pause from '../../images/pause/image.ts'

/** Names of all images, each with what else it is called. */
export const imageNames: readonly string[][] = [pause.tags, dns.tags]

/** Where the executable lies in the image. */
const inside = '/usr/bin/fairlead'

/** Makes the layers in this directory, which must stay until the images have been read. */
export async function makeImages(directory: string): Promise<ImageArchive[]> {
  const layer = (name: string, makeContent: Parameters<typeof ensureLayer>[1]) =>
    ensureLayer(join(directory, `${name}.tar`), makeContent)
  const program = Buffer.from(getRawAsset('pause'))
  return [
    { tags: pause.tags, config: pause.config, layers: [await layer('pause', async () => pause.toContent(program))] },
    {
      tags: dns.tags,
      config: { ...dns.config, Entrypoint: [inside, 'dns'], Env: ['NODE_OPTIONS=--max-semi-space-size=2'] },
      layers: [
        await layer('libraries', () => makeLibrariesContent(process.execPath)),
        await layer('fairlead', async () => new Map([[inside.slice(1), { file: process.execPath, mode: 0o755 }]])),
      ],
    },
  ]
}
