// The daemon's images.

import type { Readable } from 'node:stream'
import { type Image, ImagePullError, InvalidImageNameError } from '../runtime/runtime.ts'
import { type DockerClient, isAnswer, isStatus, messageOf, unless } from './docker-client.ts'
import { readJsonLines } from './streams.ts'

const untagged = '<none>:<none>'

export async function findImage(client: DockerClient, reference: string): Promise<Image | undefined> {
  const image = await unless(client.getImage(reference).inspect(), 404).catch(refuseInvalid)
  if (image === undefined) return undefined
  const { Id, RepoTags, RepoDigests, Size, Config } = image
  return { id: Id, tags: RepoTags ?? [], digests: RepoDigests ?? [], sizeBytes: Size, user: Config?.User ?? '' }
}

/** Without users: the list does not tell them. */
export async function listImages(client: DockerClient): Promise<Image[]> {
  return (await client.listImages()).map(({ Id, RepoTags, RepoDigests, Size }) => ({
    id: Id,
    tags: (RepoTags ?? []).filter((tag) => tag !== untagged),
    digests: RepoDigests ?? [],
    sizeBytes: Size,
    user: '',
  }))
}

export async function pullImage(client: DockerClient, reference: string, signal?: AbortSignal): Promise<Image> {
  try {
    const progress = await client.pull(withTag(reference), { ...(signal !== undefined && { abortSignal: signal }) })
    await readProgress(progress as Readable)
  } catch (error) {
    signal?.throwIfAborted()
    if (isAnswer(error) && !isStatus(error, 400)) throw new ImagePullError(messageOf(error), { cause: error })
    refuseInvalid(error)
  }
  const image = await findImage(client, reference)
  if (image === undefined) throw new ImagePullError(`${reference} was pulled, but is not there`)
  return image
}

/** 400 is what the daemon says of a name that it cannot parse. */
function refuseInvalid(error: unknown): never {
  if (isStatus(error, 400)) throw new InvalidImageNameError(messageOf(error), { cause: error })
  throw error
}

/** The daemon answers 200 and tells of a failure in the body's last line. */
async function readProgress(progress: Readable): Promise<void> {
  for await (const line of readJsonLines(progress)) {
    const { error } = line as { error?: string }
    if (error !== undefined) throw new ImagePullError(error)
  }
}

/** Without a tag the API would pull all that there are. */
export function withTag(reference: string): string {
  const name = reference.slice(reference.lastIndexOf('/') + 1)
  return name.includes(':') || name.includes('@') ? reference : `${reference}:latest`
}
