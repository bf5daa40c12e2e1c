// What Docker's daemon says of itself.

import { existsSync } from 'node:fs'
import { makeDockerClient, messageOf } from '../../agent/docker/docker-client.ts'
import { dockerSocketPath } from '../paths.ts'
import type { DockerFacts } from './facts.ts'

const programs = ['/usr/bin/dockerd', '/usr/sbin/dockerd', '/usr/local/bin/dockerd', '/snap/bin/dockerd']

/** Asks the daemon; that it does not answer is a fact. */
export async function readDockerFacts(): Promise<DockerFacts> {
  const isInstalled = programs.some((path) => existsSync(path))
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

/** What is read of GET /info. */
interface DockerInfo {
  CgroupDriver: string
  Driver: string
  LiveRestoreEnabled: boolean
  SecurityOptions?: string[]
}
