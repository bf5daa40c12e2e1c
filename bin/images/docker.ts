// Hands images to Docker.

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { type DockerClient, makeDockerClient, messageOf, unless } from '../../agent/docker/docker-client.ts'
import { type ImageArchive, packArchive } from '../../images/archive.ts'
import { contentLabel } from './recipes.ts'

/** Loads those that it does not have already. Throws what Docker has against them, or that Docker is not there. */
export async function loadImages(images: readonly ImageArchive[], socketPath: string): Promise<void> {
  const refused = (words: string) => new Error(`Docker at ${socketPath} does not take the images: ${words}`)
  const answer = await loadMissing(makeDockerClient(socketPath), images).catch((error: unknown) => {
    throw refused(`${messageOf(error)}. Does it run (docker info)?`)
  })
  if (answer === undefined) return
  // It has answered 200 before it has read everything: what goes wrong later is in its lines of progress.
  for await (const line of createInterface(Readable.from(answer))) {
    const { error } = JSON.parse(line)
    if (error !== undefined) throw refused(error)
  }
}

/** Docker's lines of progress; undefined when it has them all. */
async function loadMissing(
  client: DockerClient,
  images: readonly ImageArchive[],
): Promise<NodeJS.ReadableStream | undefined> {
  const loaded = await Promise.all(images.map((image) => isLoaded(client, image)))
  const missing = images.filter((_, index) => !loaded[index])
  return missing.length === 0 ? undefined : await client.loadImage(packArchive(missing))
}

async function isLoaded(client: DockerClient, { tags, config }: ImageArchive): Promise<boolean> {
  const wanted = config.Labels?.[contentLabel]
  const found = await Promise.all(tags.map((tag) => unless(client.getImage(tag).inspect(), 404)))
  return found.every((image) => image !== undefined && image.Config.Labels?.[contentLabel] === wanted)
}
