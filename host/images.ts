// Images that every node needs before any registry is reached: the file carries them and hands them to Docker.

import { run } from '../cni/linux/exec.ts'
import { listImageNames } from './containers.ts'
import { programPath } from './paths.ts'
import { readRecord, writeRecord } from './record.ts'

/** Has the file load its images, and notes which of them are new here. */
export async function loadImages(): Promise<void> {
  const before = new Set(await listImageNames())
  await run(programPath, ['images', '--load'])
  const added = (await listImageNames()).filter((name) => !before.has(name))
  const record = readRecord()
  if (record !== undefined) writeRecord({ ...record, images: [...new Set([...record.images, ...added])] })
}
