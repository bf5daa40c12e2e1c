// Hands an archive to Docker.

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { makeDockerClient, messageOf } from '../../agent/docker/docker-client.ts'

/** Loads it. Throws what Docker has against it, or that Docker is not there. */
export async function loadArchive(archive: Readable, socketPath: string): Promise<void> {
  const answer = await makeDockerClient(socketPath)
    .loadImage(archive)
    .catch((error: unknown) => {
      throw new Error(
        `Docker at ${socketPath} does not take the images: ${messageOf(error)}. Does it run (docker info)?`,
      )
    })
  // It has answered 200 before it has read everything: what goes wrong later is in its lines of progress.
  for await (const line of createInterface(Readable.from(answer))) {
    const { error } = JSON.parse(line)
    if (error !== undefined) throw new Error(`Docker at ${socketPath} does not take the images: ${error}`)
  }
}
