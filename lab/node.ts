// One node of the lab: a namespace, a dockerd and an agent in it.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../cni/linux/exec.ts'
import { waitFor } from '../host/progress.ts'
import { killProcesses, removeCgroups } from './cgroup.ts'
import { ensureCredentials } from './control-plane.ts'
import { ensureDaemon } from './daemon.ts'
import { clusterCidr, clusterDns, type LabLayout, type NodeLayout, serviceCidr } from './layout.ts'
import { removeMounts } from './mounts.ts'
import { agentProgram, imageArchives, node } from './paths.ts'
import { ensureNodeLink, removeNodeLink } from './switch.ts'

export interface NodeOptions {
  proxyMode: string
  network: string
}

/** Where the node's dockerd listens. */
export function dockerSocket({ runDir }: NodeLayout): string {
  return join(runDir, 'docker.sock')
}

/** Brings the node up as far as it is not: link, dockerd, images, agent. Readiness is the cluster's to tell. */
export async function ensureNode(lab: LabLayout, layout: NodeLayout, options: NodeOptions): Promise<void> {
  await ensureNodeLink(lab, layout)
  await ensureDocker(layout)
  await loadImages(layout)
  await ensureAgent(lab, layout, options)
}

async function ensureDocker(layout: NodeLayout): Promise<void> {
  const docker = join(layout.dataDir, 'docker')
  mkdirSync(docker, { recursive: true })
  ensureContainerd(layout)
  // A file of our own, or dockerd would read the host's /etc/docker/daemon.json.
  const configFile = join(layout.dataDir, 'dockerd.json')
  writeFileSync(configFile, '{}')
  // No bridge and no rules of Docker's own: the pod network is ours. live-restore: pods outlive their dockerd.
  const args = [
    ['--bridge=none', '--iptables=false', '--ip6tables=false', '--live-restore'],
    ['--config-file', configFile, '--data-root', docker, '--exec-root', join(layout.runDir, 'docker')],
    ['--pidfile', join(layout.runDir, 'dockerd-own.pid'), '--host', `unix://${dockerSocket(layout)}`],
    ['--containerd', containerdSocket(layout), '--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ['--cgroup-parent', `/${layout.cgroup}/docker`],
  ].flat()
  ensureDaemon(layout, { name: 'dockerd', program: 'dockerd', args, env: { DOCKER_CONFIG: '/nonexistent' } })
  await waitFor(`dockerd of ${layout.name} answering (see ${layout.dataDir}/dockerd.log)`, 60_000, async () => {
    await runDocker(layout, ['version'])
    return true
  })
}

function containerdSocket({ runDir }: NodeLayout): string {
  return join(runDir, 'containerd.sock')
}

/**
 * containerd as a daemon of its own, as packages run it: one that dockerd starts itself holds up the next dockerd for 15 s
 * after a SIGKILL (seen with Docker 20.10).
 */
function ensureContainerd(layout: NodeLayout): void {
  const configFile = join(layout.dataDir, 'containerd.toml')
  const config = [
    'version = 2',
    `root = "${join(layout.dataDir, 'containerd')}"`,
    `state = "${join(layout.runDir, 'containerd')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\naddress = "${containerdSocket(layout)}"`,
  ]
  writeFileSync(configFile, `${config.join('\n')}\n`)
  ensureDaemon(layout, {
    name: 'containerd',
    program: 'containerd',
    args: ['--config', configFile, '--log-level', 'warn'],
  })
}

/** Runs the docker client against the node's daemon. */
async function runDocker(layout: NodeLayout, args: string[]): Promise<string> {
  return await run('docker', ['--host', `unix://${dockerSocket(layout)}`, ...args])
}

async function loadImages(layout: NodeLayout): Promise<void> {
  for (const archive of imageArchives) await runDocker(layout, ['load', '--quiet', '--input', archive])
}

/** Loads a `docker save` archive into the node. */
export async function loadArchive(layout: NodeLayout, archive: string): Promise<string> {
  return await runDocker(layout, ['load', '--input', archive])
}

async function ensureAgent(lab: LabLayout, layout: NodeLayout, { proxyMode, network }: NodeOptions): Promise<void> {
  const pki = await ensureCredentials(lab, layout)
  const args = [
    '--node-name',
    layout.name,
    '--node-ip',
    `${layout.address},${layout.address6}`,
    '--kubeconfig',
    join(pki, 'kubeconfig'),
    '--docker-socket',
    dockerSocket(layout),
    '--data-dir',
    join(layout.dataDir, 'agent'),
    '--server-cert',
    join(pki, 'server.crt'),
    '--server-key',
    join(pki, 'server.key'),
    '--client-ca',
    join(pki, 'ca.crt'),
    '--cni-conf-dir',
    join(layout.dataDir, 'cni'),
    '--cluster-cidr',
    clusterCidr,
    '--service-cidr',
    serviceCidr,
    '--cluster-dns',
    clusterDns,
    '--proxy-mode',
    proxyMode,
    '--network',
    network,
    '--cgroup-root',
    `/${layout.cgroup}`,
    '--lease-interval-seconds',
    '3',
  ]
  ensureDaemon(layout, {
    name: 'agent',
    program: node,
    args: ['--max-semi-space-size=2', '--disable-warning=ExperimentalWarning', agentProgram, ...args],
  })
}

/** The node dies: every process at once, and its kernel state. Its disk stays. */
export async function stopNode(layout: NodeLayout): Promise<void> {
  await killProcesses(layout.cgroup)
  removeMounts(layout.runDir, layout.dataDir)
  await removeNodeLink(layout)
  removeCgroups(layout.cgroup)
}
