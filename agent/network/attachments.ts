// Records of attached sandboxes, one file each: with which configuration ADD ran and what came of it, so that a later life
// of the agent detaches exactly that, whatever the node's configuration says by then.

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ifMissing } from '../../cni/linux/system-error.ts'
import type { CniResult } from '../../cni/spec.ts'
import type { NetworkConfigList } from './conflist.ts'

export interface AttachmentRecord {
  sandboxId: string
  netns: string
  config: NetworkConfigList
  args: Record<string, string>
  capabilities: Record<string, unknown>
  /** Absent while ADD is under way: a record found so is of an ADD that was killed. */
  result?: CniResult
}

export class AttachmentRecords {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async read(sandboxId: string): Promise<AttachmentRecord | undefined> {
    const text = await readFile(this.#path(sandboxId), 'utf8').catch(ifMissing(undefined))
    return text === undefined ? undefined : JSON.parse(text)
  }

  async write(record: AttachmentRecord): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const path = this.#path(record.sandboxId)
    await writeFile(`${path}.tmp`, JSON.stringify(record))
    await rename(`${path}.tmp`, path)
  }

  async remove(sandboxId: string): Promise<void> {
    await rm(this.#path(sandboxId), { force: true })
  }

  async list(): Promise<AttachmentRecord[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.json'))
    const records = await Promise.all(names.map((name) => this.read(name.slice(0, -'.json'.length))))
    return records.filter((record) => record !== undefined)
  }

  #path(sandboxId: string): string {
    return join(this.#directory, `${sandboxId}.json`)
  }
}
