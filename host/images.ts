// Images that every node needs before any registry is reached: the file carries them and hands them to Docker.

import { run } from '../cni/linux/exec.ts'
import * as dns from '../images/dns/image.ts'
import * as pause from '../images/pause/image.ts'
import { listImageNames, listUnnamedImages, removeImage } from './containers.ts'
import { programPath } from './paths.ts'
import { readRecord, writeRecord } from './record.ts'

/** Notes which of the images are new here, then has the file at its place load them. */
export async function loadImages(signal?: AbortSignal): Promise<void> {
  const record = readRecord()
  const known = new Set([...(await listImageNames()), ...(record?.images ?? [])])
  const added = [...pause.tags, ...dns.tags].filter((name) => !known.has(name))
  if (record !== undefined && added.length > 0) writeRecord({ ...record, images: [...record.images, ...added] })
  await run(programPath, ['images', '--load'], { ...(signal && { signal }) })
}

/** Removes those of earlier versions, without those that containers still use. */
export async function removeOldImages(): Promise<void> {
  for (const id of await listUnnamedImages()) await removeImage(id)
}
