// Other orchestrators on this host, and pod networks that would go before ours.

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ownConfigFile } from '../agent/network/conflist.ts'
import { hasCode } from '../cni/linux/system-error.ts'
import { cniConfDir } from './paths.ts'

const strangerPaths = ['/var/lib/kubelet/config.yaml', '/etc/rancher/k3s', '/var/snap/microk8s', '/var/lib/k0s']

/** What there is of other orchestrators. Where it is empty, what bears names that all of them use is ours. */
export const listOrchestrators = () => strangerPaths.filter((path) => existsSync(path))

/** Other orchestrators, and CNI configurations that go before ours. */
export async function findStrangers(): Promise<string[]> {
  const lists = (await readConfDir()).filter((name) => /\.(conflist|conf|json)$/.test(name) && name < ownConfigFile)
  return [...listOrchestrators(), ...lists.map((name) => `CNI configuration ${join(cniConfDir, name)}`)]
}

async function readConfDir(): Promise<string[]> {
  try {
    return await readdir(cniConfDir)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
