// What this host was like before it was changed, on disk from before the first change until `reset`.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { CommandError } from '../cni/linux/exec.ts'
import { ifNoProgram } from '../cni/linux/missing-program.ts'
import { readSysctls, writeSysctls } from '../cni/linux/sysctl.ts'
import { writeWhole } from './files.ts'
import { listHookChains } from './hook-chains.ts'
import { cniBinDir, cniConfDir, hostRecordPath, programPath, stateDir } from './paths.ts'

export interface HostRecord {
  /** Kernel settings that the agent changes, and their values. */
  sysctls: Record<string, string>
  /** Folders of others that were made for us. */
  folders: string[]
  /** Files of ours that somebody else had put there: the program itself, perhaps. */
  kept: string[]
  /** Images that were loaded. */
  images: string[]
  /** What there was of iptables' own tables in nftables, as listHookChains says it; absent where nobody has looked. */
  hookChains?: string[]
}

/** Folders that other programs have too. */
const sharedFolders = ['/etc/cni', cniConfDir, '/opt/cni', cniBinDir]

/** Writes the record, unless there is one. `devices` are links whose settings the agent may change. */
export async function ensureRecord(devices: readonly string[], kept: readonly string[]): Promise<void> {
  if (existsSync(hostRecordPath)) return
  // Who lacks the program can change no setting either.
  const sysctls = Object.fromEntries(
    await readSysctls(sysctlsOf(devices)).catch(ifNoProgram(new Map<string, string>())),
  )
  const folders = sharedFolders.filter((path) => !existsSync(path))
  const hookChains = await tryHookChains()
  mkdirSync(stateDir, { recursive: true, mode: 0o711 })
  writeRecord({ sysctls, folders, kept: [...kept], images: [], ...(hookChains && { hookChains }) })
}

/** Undefined where nft does not work, as with a kernel without nf_tables: a control plane alone needs neither. */
async function tryHookChains(): Promise<string[] | undefined> {
  try {
    return await listHookChains()
  } catch (error) {
    if (error instanceof CommandError) return undefined
    throw error
  }
}

/** The record, or undefined when there is none. Throws for a file that is none. */
export function readRecord(): HostRecord | undefined {
  if (!existsSync(hostRecordPath)) return undefined
  try {
    const record: unknown = JSON.parse(readFileSync(hostRecordPath, 'utf8'))
    if (isRecord(record)) return record
    throw new Error('it has not all fields of a record')
  } catch (error) {
    throw new Error(`${hostRecordPath} cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

function isRecord(value: unknown): value is HostRecord {
  if (typeof value !== 'object' || value === null || !('sysctls' in value)) return false
  const { sysctls } = value
  const lists = ['folders', 'kept', 'images'].map((field) => Reflect.get(value, field))
  const hookChains: unknown = Reflect.get(value, 'hookChains') ?? []
  return typeof sysctls === 'object' && sysctls !== null && [...lists, hookChains].every((list) => Array.isArray(list))
}

/** Whether the program at its place is to go with the rest: we have put it there. Unknown without a whole record. */
export function isProgramOurs(): boolean {
  try {
    const record = readRecord()
    return record !== undefined && !record.kept.includes(programPath)
  } catch {
    return false // whoever removes says that it cannot be read
  }
}

/** Replaces the record. */
export function writeRecord(record: HostRecord): void {
  writeWhole(hostRecordPath, `${JSON.stringify(record, undefined, 2)}\n`)
}

/** Sets those settings back that the kernel still has. */
export async function restoreSysctls({ sysctls }: HostRecord): Promise<void> {
  const names = Object.keys(sysctls)
  if (names.length === 0) return
  const now = await readSysctls(names)
  const changed = Object.entries(sysctls).filter(([name, value]) => now.has(name) && now.get(name) !== value)
  await writeSysctls(new Map(changed))
}

/** A dot in a device's name is a slash in a setting's. */
function sysctlsOf(devices: readonly string[]): string[] {
  const names = devices.map((device) => device.replaceAll('.', '/'))
  return [
    ...['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'],
    ...['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'],
    ...['net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.all.arp_ignore', 'net.ipv4.conf.all.arp_announce'],
    ...names.flatMap((name) => [`net.ipv4.conf.${name}.rp_filter`, `net.ipv6.conf.${name}.accept_ra`]),
  ]
}
