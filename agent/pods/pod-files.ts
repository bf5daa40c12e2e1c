// Files that the agent keeps for one pod beside its volumes: /etc/hosts, /etc/resolv.conf and termination messages.

import { access, mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Container as ContainerTemplate } from '../../api/generated/types.ts'
import { ifMissing } from '../../cni/linux/system-error.ts'
import type { Mount } from '../runtime/runtime.ts'
import { type DnsSettings, makeHosts, makeResolvConf } from './network-files.ts'
import type { StoredPod } from './pod.ts'

const longestMessage = 4096
const nodeHostsFile = '/etc/hosts'

/** Writes hosts and resolv.conf in place: containers have these very files mounted. */
export async function writeNetworkFiles(
  directory: string,
  pod: StoredPod,
  ips: readonly string[],
  dns: DnsSettings,
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o750 })
  const nodeHosts = pod.spec.hostNetwork === true ? await readFile(nodeHostsFile, 'utf8').catch(ifMissing('')) : ''
  await Promise.all([
    writeIfDifferent(join(directory, 'etc-hosts'), makeHosts(pod, ips, dns.clusterDomain, nodeHosts)),
    writeIfDifferent(join(directory, 'resolv.conf'), makeResolvConf(pod, dns)),
  ])
}

/** Makes the files if they are not there, so that they can be mounted before the pod has its addresses. */
export async function ensureNetworkFiles(directory: string, pod: StoredPod, dns: DnsSettings): Promise<void> {
  const there = await access(join(directory, 'etc-hosts')).then(
    () => true,
    () => false,
  )
  if (!there) await writeNetworkFiles(directory, pod, [], dns)
}

async function writeIfDifferent(path: string, text: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(ifMissing(undefined))
  if (present !== text) await writeFile(path, text, { mode: 0o644 })
}

/** Mounts of the pod's own files, but where the container mounts something itself. */
export async function makeFileMounts(
  directory: string,
  template: ContainerTemplate,
  attempt: number,
): Promise<Mount[]> {
  const taken = new Set((template.volumeMounts ?? []).map(({ mountPath }) => mountPath))
  const message = messageFile(directory, template.name, attempt)
  await mkdir(dirname(message), { recursive: true })
  // Any user of the container may write it, whatever the umask here.
  const file = await open(message, 'a')
  await file.chmod(0o666)
  await file.close()
  const mounts = [
    { hostPath: join(directory, 'etc-hosts'), containerPath: '/etc/hosts' },
    { hostPath: join(directory, 'resolv.conf'), containerPath: '/etc/resolv.conf' },
    { hostPath: message, containerPath: template.terminationMessagePath || '/dev/termination-log' },
  ]
  return mounts.filter(({ containerPath }) => !taken.has(containerPath)).map((mount) => ({ ...mount, readOnly: false }))
}

/** What the container left at its terminationMessagePath, of more than 4 kB the end; undefined when nothing. */
export async function readTerminationMessage(
  directory: string,
  containerName: string,
  attempt: number,
): Promise<string | undefined> {
  const file = await open(messageFile(directory, containerName, attempt), 'r').catch(ifMissing(undefined)) // never started
  if (file === undefined) return undefined
  try {
    const start = Math.max(0, (await file.stat()).size - longestMessage)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(longestMessage), 0, longestMessage, start)
    return bytesRead === 0 ? undefined : buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

function messageFile(directory: string, containerName: string, attempt: number): string {
  return join(directory, 'containers', containerName, `${attempt}.message`)
}
