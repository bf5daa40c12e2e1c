// Debian's podman and containerd on a node made of a network namespace, with their files in a folder of their own and a root
// file system of busybox, so that no image is needed.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { run } from '../../cni/linux/exec.ts'
import { killProcesses, removeCgroups } from '../../lab/cgroup.ts'
import type { Host } from './namespaces.ts'

const cbrProgram = join(import.meta.dirname, '..', '..', 'cni', 'main.ts')
/** Where Debian's package containernetworking-plugins puts its programs. */
const debianPlugins = '/usr/lib/cni'
/** Above podman's containers. */
const cgroup = 'fl-test-foreign'
/** Answers every connection on port 80. */
const server = 'while true; do echo hello | nc -l -p 80; done'

export class ForeignRuntimes {
  readonly directory = mkdtempSync(join(tmpdir(), 'fairlead-foreign-'))
  readonly #node: Host
  #containerd: ChildProcess | undefined

  constructor(node: Host) {
    this.#node = node
    for (const folder of ['conf', 'bin', 'rootfs/bin', 'rootfs/proc', 'rootfs/dev', 'rootfs/sys', 'rootfs/etc'])
      mkdirSync(join(this.directory, folder), { recursive: true })
    writeFileSync(this.#path('bin/cbr'), `#!/bin/sh\nexec ${process.execPath} ${cbrProgram}\n`)
    chmodSync(this.#path('bin/cbr'), 0o755)
    for (const plugin of readdirSync(debianPlugins))
      symlinkSync(join(debianPlugins, plugin), this.#path(`bin/${plugin}`))
    cpSync('/bin/busybox', this.#path('rootfs/bin/busybox'))
    for (const applet of ['sh', 'nc', 'cat']) symlinkSync('busybox', this.#path(`rootfs/bin/${applet}`))
    writeFileSync(this.#path('containers.conf'), podmanSettings(this.directory))
    writeFileSync(this.#path('containerd.toml'), containerdSettings(this.directory))
  }

  #path(name: string): string {
    return join(this.directory, name)
  }

  /** Makes this the one network. */
  configure(list: object): void {
    writeFileSync(this.#path('conf/10-test.conflist'), JSON.stringify(list))
  }

  /** Runs podman to its end and returns what it said. */
  async podman(...args: string[]): Promise<string> {
    const places = ['--root', this.#path('podman'), '--runroot', this.#path('podman-run'), '--storage-driver', 'vfs']
    const { stdout } = await execa('nsenter', [`--net=${this.#node.netns}`, 'podman', ...places, ...args], {
      env: { CONTAINERS_CONF: this.#path('containers.conf') },
    })
    return stdout
  }

  /** Starts a container that serves. */
  async podmanRun(name: string, ...args: string[]): Promise<void> {
    // Not more than the machine allows: podman asks for a million files.
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']
    const rootfs = ['--cgroup-parent', `/${cgroup}`, '--no-hosts', '--rootfs', this.#path('rootfs')]
    // The one that docker.io brings: crun, which podman prefers, refuses hosts with cgroups of both versions.
    const runtime = ['--runtime', 'runc']
    await this.podman(
      ...runtime,
      'run',
      '--detach',
      '--name',
      name,
      ...limits,
      ...args,
      ...rootfs,
      '/bin/sh',
      '-c',
      server,
    )
  }

  async startContainerd(): Promise<void> {
    const args = [
      `--net=${this.#node.netns}`,
      'containerd',
      '--config',
      this.#path('containerd.toml'),
      '--log-level',
      'error',
    ]
    this.#containerd = spawn('nsenter', args, { stdio: 'ignore' })
    for (;;) {
      const { exitCode } = await execa('ctr', ['--address', this.#path('c.sock'), 'version'], { reject: false })
      if (exitCode === 0) return
    }
  }

  async ctr(...args: string[]): Promise<string> {
    return await run('ctr', ['--address', this.#path('c.sock'), ...args], this.#node)
  }

  /** Starts a container that serves; the promise settles once it has ended and ctr has detached it from its network. */
  ctrRun(name: string): Promise<void> {
    // ctr knows no other folders than these two: it gets a view of the disk in which they are the test's.
    const view = `mount -t tmpfs none /opt && mkdir -p /opt/cni /etc/cni/net.d && ln -s "$0/bin" /opt/cni/bin &&
      mount --bind "$0/conf" /etc/cni/net.d && exec ctr --address "$0/c.sock" run --cni --rootfs "$0/rootfs" "$1" /bin/sh -c "$2"`
    const args = [`--net=${this.#node.netns}`, 'unshare', '-m', 'sh', '-c', view, this.directory, name, server]
    return execa('nsenter', args, { stdin: 'ignore' }).then(
      () => undefined,
      (error: unknown) => {
        // A container that is killed ends with 137, and ctr with it.
        if (error instanceof Error && 'exitCode' in error && error.exitCode === 137) return
        throw error
      },
    )
  }

  async close(): Promise<void> {
    if (this.#containerd !== undefined) {
      this.#containerd.kill('SIGTERM')
      await once(this.#containerd, 'exit')
    }
    rmSync(this.directory, { recursive: true, force: true })
    await killProcesses(cgroup)
    removeCgroups(cgroup)
  }
}

function podmanSettings(directory: string): string {
  return `[network]
network_backend = "cni"
cni_plugin_dirs = ["${directory}/bin"]
network_config_dir = "${directory}/conf"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "${directory}/podman-tmp"
`
}

function containerdSettings(directory: string): string {
  return `version = 2
root = "${directory}/containerd"
state = "${directory}/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${directory}/c.sock"
`
}
