// What this machine is: read once at the start from the kernel and the distribution's own files.

import { readFile, statfs } from 'node:fs/promises'
import { arch, availableParallelism, release, totalmem } from 'node:os'
import type { NodeSystemInfo } from '../../api/generated/types.ts'
import type { RuntimeVersion } from '../runtime/runtime.ts'

export interface Machine {
  cpus: number
  memoryBytes: number
  diskBytes: number
  info: Omit<NodeSystemInfo, 'containerRuntimeVersion' | 'kubeletVersion' | 'kubeProxyVersion'>
}

/** The word of this node's agent for Kubernetes' own, which clients compare. */
const kubeletVersion = 'v1.35.0+fairlead'

const architectures: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  ia32: '386',
  ppc64: 'ppc64le',
  s390x: 's390x',
}

/** cpus and memoryBytes, where given, stand in for the machine's own: several nodes may share one machine. */
export async function readMachine(
  dataDir: string,
  limits: { cpus?: number; memoryBytes?: number } = {},
): Promise<Machine> {
  const { blocks, bsize } = await statfs(dataDir)
  const [osRelease, bootID, machineID, systemUUID] = await Promise.all([
    readOrEmpty('/etc/os-release'),
    readOrEmpty('/proc/sys/kernel/random/boot_id'),
    readOrEmpty('/etc/machine-id'),
    readOrEmpty('/sys/class/dmi/id/product_uuid'),
  ])
  return {
    cpus: limits.cpus ?? availableParallelism(),
    memoryBytes: limits.memoryBytes ?? totalmem(),
    diskBytes: blocks * bsize,
    info: {
      architecture: goArchitecture(),
      operatingSystem: 'linux',
      kernelVersion: release(),
      osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
      bootID,
      machineID,
      systemUUID: systemUUID || machineID,
    },
  }
}

/** The machine's architecture as Go and container images name it. */
export function goArchitecture(): string {
  return architectures[arch()] ?? arch()
}

/** nodeInfo with the versions of what runs on the machine. */
export function makeNodeInfo({ info }: Machine, runtime: RuntimeVersion | undefined): NodeSystemInfo {
  const containerRuntimeVersion = runtime === undefined ? 'unknown' : `${runtime.name}://${runtime.version}`
  return { ...info, containerRuntimeVersion, kubeletVersion, kubeProxyVersion: kubeletVersion }
}

async function readOrEmpty(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim() // not on this machine, or not for us to read
}
