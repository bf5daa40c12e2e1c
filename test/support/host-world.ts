// This machine as a host that Fairlead was set up on, and not this machine at all: a mount and a network namespace in which /etc,
// /opt, /usr/bin, /usr/sbin, /usr/local and /var/lib take writes that nobody else sees, with a systemctl that has no units.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

const root = join(import.meta.dirname, '../..')

const world = `
  mount -t tmpfs tmpfs "$0" && cd "$0" && mkdir bin
  for folder in etc opt usr/bin usr/sbin usr/local var/lib; do
    mkdir -p upper/$folder work/$folder
    mount -t overlay overlay -o lowerdir=/$folder,upperdir=$0/upper/$folder,workdir=$0/work/$folder /$folder
  done
  for folder in /run /sys/fs/cgroup; do mount -t tmpfs tmpfs $folder; done
  printf '#!/bin/sh\\n' > bin/systemctl && chmod +x bin/systemctl
  ip link set lo up
  echo ready && exec cat`

export class HostWorld {
  readonly #process: ChildProcess
  readonly #directory: string

  private constructor(child: ChildProcess, directory: string) {
    this.#process = child
    this.#directory = directory
  }

  /** Makes it. Needs root. */
  static async create(): Promise<HostWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'fl-test-host-'))
    const namespaces = ['--mount', '--net', '--propagation', 'private']
    const child = spawn('unshare', [...namespaces, 'bash', '-euc', world, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const made = new HostWorld(child, directory)
    try {
      await Promise.race([
        once(child.stdout, 'data'),
        once(child, 'exit').then(() => Promise.reject(new Error('the world could not be made: its words are above'))),
      ])
    } catch (error) {
      await made.close()
      throw error
    }
    return made
  }

  /** Runs a script of bash in it and returns what it prints. Throws when it fails. */
  async sh(script: string): Promise<string> {
    const { failed, stdout, stderr } = await this.#run('bash', '-euc', script)
    if (failed) throw new Error(stderr)
    return stdout
  }

  /** Puts a script of sh in the place of a program. */
  async replaceProgram(name: string, script: string): Promise<void> {
    const path = join(this.#directory, 'bin', name)
    await this.sh(`cat > ${path} << 'END'\n#!/bin/sh\n${script}\nEND\nchmod +x ${path}`)
  }

  /** Runs a command of the host in it, from the sources. */
  async fairlead(...words: string[]): Promise<{ exitCode?: number; stderr: string }> {
    return await this.#run(process.execPath, join(root, 'host/main.ts'), ...words)
  }

  async #run(...command: string[]): Promise<{ failed: boolean; exitCode?: number; stdout: string; stderr: string }> {
    return await execa('nsenter', ['--mount', '--net', '--target', String(this.#process.pid), ...command], {
      env: { PATH: `${join(this.#directory, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin` },
      reject: false,
    })
  }

  /** Ends it; its mounts go with its last process. */
  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit')
      this.#process.stdin?.end()
      await ended
    }
    rmSync(this.#directory, { recursive: true })
  }
}
