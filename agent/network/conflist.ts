// The node's CNI configuration on disk: the first list of the folder, as for every runtime (kubelet, containerd, podman).

import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryOf, writeDurably } from '../../api/files/durable-file.ts'
import { hasCode } from '../../cni/linux/system-error.ts'
import type { NetworkConfig } from '../../cni/spec.ts'
import type { Repair } from './repair.ts'

/** A plugin's part of a list, before name and version are added to it. */
export interface PluginConfig {
  type: string
  capabilities?: Record<string, boolean>
  [key: string]: unknown
}

export interface NetworkConfigList {
  cniVersion: string
  name: string
  plugins: PluginConfig[]
}

/** Name of our own list; a user's with a smaller number goes before it. */
export const ownConfigFile = '10-fairlead.conflist'

export interface OwnNetwork {
  /** The node's pod ranges, one a family. */
  ranges: readonly string[]
  mtu: number
  /** Where the plugin keeps its reservations. */
  reservationsDir: string
}

/** Name of the bridge that pods of our own list are plugged into. */
export const bridgeName = 'cbr0'

/** What is to be done so that our list says this: written whole or not at all, and only when it says something new. */
export async function compareOwnConfig(confDir: string, network: OwnNetwork, owner: string): Promise<Repair[]> {
  const path = join(confDir, ownConfigFile)
  const text = `${JSON.stringify(toList(network), undefined, 2)}\n`
  const present = await readFile(path, 'utf8').catch(() => undefined /* not there yet */)
  if (present === text) return []
  return [
    {
      differences: [{ kind: 'file', name: path, state: present === undefined ? 'missing' : 'different', owner }],
      act: () => writeOwnConfig(confDir, text),
    },
  ]
}

/** Our list, and what a process that was killed while it wrote it has left: no runtime reads a name that ends so. */
export function ownConfigPaths(confDir: string): string[] {
  const path = join(confDir, ownConfigFile)
  return [path, temporaryOf(path)]
}

/** Removes our list. */
export async function removeOwnConfig(confDir: string): Promise<void> {
  for (const path of ownConfigPaths(confDir)) await rm(path, { force: true })
}

async function writeOwnConfig(confDir: string, text: string): Promise<void> {
  const path = join(confDir, ownConfigFile)
  await mkdir(confDir, { recursive: true })
  writeDurably(path, text, 0o644)
}

function toList({ ranges, mtu, reservationsDir }: OwnNetwork): NetworkConfigList {
  const ipam = { ranges: ranges.map((subnet) => [{ subnet }]), dataDir: reservationsDir }
  const capabilities = { portMappings: true, bandwidth: true }
  return {
    cniVersion: '1.1.0',
    name: 'fairlead',
    plugins: [{ type: 'cbr', bridge: bridgeName, mtu, hairpinMode: true, capabilities, ipam }],
  }
}

/** The list that counts now, or undefined when there is none. Throws when it cannot be read as one. */
export function readConfigList(confDir: string): NetworkConfigList | undefined {
  const [file] = readNames(confDir)
    .filter((name) => /\.(conflist|conf|json)$/.test(name))
    .sort()
  if (file === undefined) return undefined
  try {
    const config: NetworkConfigList | NetworkConfig = JSON.parse(readFileSync(join(confDir, file), 'utf8'))
    return isList(config)
      ? config
      : { cniVersion: config.cniVersion, name: config.name, plugins: [{ ...config, type: config.type }] }
  } catch (error) {
    throw new Error(`cannot read CNI configuration ${join(confDir, file)}`, { cause: error })
  }
}

function isList(config: NetworkConfigList | NetworkConfig): config is NetworkConfigList {
  return Array.isArray(config.plugins)
}

function readNames(confDir: string): string[] {
  try {
    return readdirSync(confDir)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
