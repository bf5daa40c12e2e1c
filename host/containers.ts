// Containers and images of ours in the host's Docker. A user's have other labels and stay.

import { isStatus, makeDockerClient, unless } from '../agent/docker/docker-client.ts'
import { ownLabel } from '../agent/docker/labels.ts'
import { dockerSocketPath } from './paths.ts'

/** How many containers are removed at once: each costs the daemon a thread and the disk some work. */
const batch = 8

/** Containers of pods, running or not. Throws when Docker does not answer. */
export async function listPodContainers(): Promise<{ id: string; name: string }[]> {
  const found = await makeDockerClient(dockerSocketPath).listContainers({ all: true, filters: { label: [ownLabel] } })
  return found.map(({ Id, Names: [name = Id] }) => ({ id: Id, name: name.replace(/^\//, '') }))
}

/** Kills and removes them with their anonymous volumes. */
export async function removePodContainers(): Promise<number> {
  const client = makeDockerClient(dockerSocketPath)
  const containers = await listPodContainers()
  for (let at = 0; at < containers.length; at += batch)
    await Promise.all(
      containers.slice(at, at + batch).map(({ id }) =>
        // 404: gone meanwhile; 409: somebody removes it already.
        unless(client.getContainer(id).remove({ force: true, v: true }), 404, 409),
      ),
    )
  return containers.length
}

/** Names of all images here: "fairlead/pause:1". */
export async function listImageNames(): Promise<string[]> {
  const images = await makeDockerClient(dockerSocketPath).listImages()
  return images.flatMap(({ RepoTags }) => RepoTags ?? [])
}

/** Every image that is built here has it. */
const ownImageLabel = 'io.fairlead.image'

/** Images of ours that have lost their name to a later version's, by their ids; without those that containers still use. */
export async function listUnnamedImages(): Promise<string[]> {
  const client = makeDockerClient(dockerSocketPath)
  const [images, containers] = await Promise.all([
    client.listImages({ filters: { dangling: ['true'], label: [ownImageLabel] } }),
    client.listContainers({ all: true }),
  ])
  const used = new Set(containers.map(({ ImageID }) => ImageID))
  return images.flatMap(({ Id }) => (used.has(Id) ? [] : [Id]))
}

/** Removes an image's name or id, and the image if nobody uses it. False when a container does. */
export async function removeImage(name: string): Promise<boolean> {
  try {
    await unless(makeDockerClient(dockerSocketPath).getImage(name).remove(), 404)
    return true
  } catch (error) {
    if (isStatus(error, 409)) return false // a container of the user's runs it
    throw error
  }
}
