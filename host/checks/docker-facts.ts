// What Docker's daemon says of itself.

import { existsSync } from 'node:fs'
import { makeDockerClient, messageOf } from '../../agent/docker/docker-client.ts'
import { showUnit } from '../../cni/linux/systemd.ts'
import { dockerSocketPath } from '../paths.ts'
import type { DockerFacts } from './facts.ts'
import { isProgram } from './programs.ts'

const programs = ['/usr/bin/dockerd', '/usr/local/bin/dockerd', '/opt/bin/dockerd', '/snap/bin/dockerd']

/** Asks the daemon; that it does not answer is a fact. */
export async function readDockerFacts(): Promise<DockerFacts> {
  const isInstalled = await hasDaemon()
  if (!existsSync(dockerSocketPath)) return { isInstalled, problem: `not running: there is no ${dockerSocketPath}` }
  try {
    const client = makeDockerClient(dockerSocketPath)
    const [{ Version }, info] = await Promise.all([client.version(), client.info()])
    const { CgroupDriver, Driver, LiveRestoreEnabled, SecurityOptions = [] } = info as DockerInfo
    return {
      isInstalled: true,
      version: Version,
      cgroupDriver: CgroupDriver,
      storageDriver: Driver,
      liveRestore: LiveRestoreEnabled,
      isRootless: SecurityOptions.includes('name=rootless'),
    }
  } catch (error) {
    return { isInstalled, problem: `does not answer on ${dockerSocketPath}: ${messageOf(error)}` }
  }
}

/** Whether there is a daemon to start. Its data are no sign: they stay behind one that was uninstalled. */
async function hasDaemon(): Promise<boolean> {
  if (isProgram('dockerd') || programs.some((path) => existsSync(path))) return true
  // It may be anywhere else: its unit says where. Without systemd, or its bus, asking fails.
  const unit = await showUnit('docker.service', ['LoadState']).catch(() => new Map<string, string>())
  return unit.get('LoadState') === 'loaded'
}

/** What is read of GET /info. */
interface DockerInfo {
  CgroupDriver: string
  Driver: string
  LiveRestoreEnabled: boolean
  SecurityOptions?: string[]
}
