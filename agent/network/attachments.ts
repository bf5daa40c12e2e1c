// Records of attached sandboxes, one file each: with which configuration ADD ran and what came of it, so that a later life
// of the agent detaches exactly that, whatever the node's configuration says by then.

import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ifMissing } from '../../cni/linux/system-error.ts'
import type { CniResult } from '../../cni/spec.ts'
import type { NetworkConfigList } from './conflist.ts'

export interface AttachmentRecord {
  sandboxId: string
  netns: string
  /** Of the namespace that the path led to. */
  netnsInode?: number
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
    return text === undefined ? undefined : parseRecord(text)
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

/**
 * Whether the path leads to the sandbox's namespace still. One such as /proc/123/ns/net leads to another's once a process has got the
 * number of one that ended: after a reboot to this node's own, as likely as not.
 */
export async function hasNamespace({
  netns,
  netnsInode,
}: Pick<AttachmentRecord, 'netns' | 'netnsInode'>): Promise<boolean> {
  const [inode, own] = await Promise.all([netns, '/proc/self/ns/net'].map(readInode))
  return inode !== undefined && inode !== own && inode === (netnsInode ?? inode)
}

/** The number of a namespace (namespaces(7)); undefined when the path leads to none. */
export async function readInode(path: string): Promise<number | undefined> {
  // While a process ends, the kernel refuses its path by more numbers than one.
  return (await stat(path).catch(() => undefined))?.ino
}

/** A power cut may leave a file without its text. Nothing of its sandbox is left then either: it is as if it were not there. */
function parseRecord(text: string): AttachmentRecord | undefined {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
