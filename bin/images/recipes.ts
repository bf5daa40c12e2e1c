// The images that every host needs before any registry is reached, made from the executable itself: the pause program is in it, and the
// DNS server is the executable over again, mounted from the host, so that its image has only the libraries that it loads.

import { createHash } from 'node:crypto'
import { getRawAsset } from 'node:sea'
import type { ImageArchive } from '../../images/archive.ts'
import * as dns from '../../images/dns/image.ts'
import { makeLayer } from '../../images/layer.ts'
import { makeLibrariesContent } from '../../images/node-base.ts'
import * as pause from '../../images/pause/image.ts'

/** Names of all images, each with what else it is called. */
export const imageNames: readonly string[][] = [pause.tags, dns.tags]

/** Of an image, by which one that Docker has already is known: a hash of all that is in it. */
export const contentLabel = 'io.fairlead.content'

/** Makes them, a few megabytes, in memory: a program that is killed leaves nothing of them. */
export async function makeImages(): Promise<ImageArchive[]> {
  const program = Buffer.from(getRawAsset('pause'))
  const libraries = await makeLibrariesContent(process.execPath)
  return [
    { tags: pause.tags, config: pause.config, layers: [await makeLayer(pause.toContent(program))] },
    { tags: dns.tags, config: dns.hostConfig, layers: [await makeLayer(libraries)] },
  ].map(addContentLabel)
}

function addContentLabel({ tags, config, layers }: ImageArchive): ImageArchive {
  const text = JSON.stringify([config, layers.map(({ digest }) => digest)])
  const content = createHash('sha256').update(text).digest('hex')
  return { tags, layers, config: { ...config, Labels: { ...config.Labels, [contentLabel]: content } } }
}
