// Real Docker daemons for tests: each with its own containerd, socket, data and cgroup, without a bridge or any rule in the
// host's network. Everything of a daemon is below one directory and one cgroup, so that a run that was killed is cleaned up
// by the next.

import { spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { waitFor } from '../../host/progress.ts'
import { ensureDaemonCgroup, killProcesses, removeCgroups } from '../../lab/cgroup.ts'
import { removeMounts } from '../../lab/mounts.ts'

export interface TestDockerd {
  /** Path of the unix socket. */
  socket: string
  pid: number
  /** Below this cgroup its containers are: a parent for those of tests, such as `/${cgroup}/kubepods`. */
  cgroup: string
  /** Runs the docker client against it and returns what it prints. */
  docker(...args: string[]): Promise<string>
  /** Ends the daemon and its containers and removes everything that it left. */
  stop(): Promise<void>
}

export interface TestDockerdOptions {
  /** Tells daemons of one machine apart; an earlier one of the same name is cleaned up first. */
  name: string
  /** `docker save` archives to load. */
  images?: string[]
}

/** Archives of scripts/build-images.ts. */
export const pauseArchive = join(import.meta.dirname, '../../dist/images/pause.tar')
export const testboxArchive = join(import.meta.dirname, '../../dist/images/testbox.tar')

/** Starts a daemon that answers. Needs root. */
export async function startDockerd({ name, images = [] }: TestDockerdOptions): Promise<TestDockerd> {
  const cgroup = `fl-test-docker-${name}`
  const directory = join('/var/tmp', cgroup)
  const stop = () => removeDaemon(directory, cgroup)
  await stop()
  mkdirSync(directory, { recursive: true })
  try {
    const socket = startProcesses(directory, cgroup)
    const docker = async (...args: string[]) => (await execa('docker', ['--host', `unix://${socket}`, ...args])).stdout
    await waitFor(`dockerd ${name} (see ${directory}/dockerd.log)`, 30_000, async () => {
      await docker('version')
      return true
    })
    for (const image of images) await docker('load', '--quiet', '--input', image)
    const pid = Number(readFileSync(join(directory, 'dockerd.pid'), 'utf8'))
    return { socket, pid, cgroup, docker, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function startProcesses(directory: string, cgroup: string): string {
  const [socket, containerdSocket] = [join(directory, 'docker.sock'), join(directory, 'containerd.sock')]
  const containerdConfig = join(directory, 'containerd.toml')
  const dockerdConfig = join(directory, 'dockerd.json')
  const lines = [
    'version = 2',
    `root = "${directory}/containerd"`,
    `state = "${directory}/run-containerd"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\naddress = "${containerdSocket}"`,
  ]
  writeFileSync(containerdConfig, lines.join('\n'))
  // A file of its own, or dockerd would read the host's.
  writeFileSync(dockerdConfig, '{}')
  const dockerdArgs = [
    ['--bridge=none', '--iptables=false', '--ip6tables=false', '--live-restore', '--config-file', dockerdConfig],
    ['--data-root', join(directory, 'docker'), '--exec-root', join(directory, 'run-docker')],
    ['--pidfile', join(directory, 'dockerd.pid'), '--host', `unix://${socket}`, '--containerd', containerdSocket],
    ['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${cgroup}/docker`],
  ].flat()
  const containerdArgs = ['--config', containerdConfig, '--log-level', 'warn']
  startProcess(cgroup, join(directory, 'containerd.log'), 'containerd', containerdArgs)
  startProcess(cgroup, join(directory, 'dockerd.log'), 'dockerd', dockerdArgs)
  return socket
}

/** Starts it inside the cgroup from its first moment on, so that nothing that it starts can be elsewhere. */
function startProcess(cgroup: string, logFile: string, program: string, args: string[]): void {
  const log = openSync(logFile, 'a')
  const script = 'echo $$ > "$0" && exec "$@"'
  const child = spawn('sh', ['-c', script, ensureDaemonCgroup(cgroup), program, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  child.unref()
}

async function removeDaemon(directory: string, cgroup: string): Promise<void> {
  await killProcesses(cgroup)
  removeMounts(directory)
  rmSync(directory, { recursive: true, force: true })
  removeCgroups(cgroup)
}
