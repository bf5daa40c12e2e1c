// A world for libvirt: network, mount and pid namespaces of its own, so that its bridges, rules and guests neither meet the
// host's nor reach anything outside, and so that everything ends with one process, whose pid a file keeps.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { run } from '../../cni/linux/exec.ts'
import { waitFor } from '../../host/progress.ts'

/**
 * Guests and their disks belong to root, as all of this world does. Without a user that can open /dev/kvm libvirt would ask
 * QEMU what it can do at every definition of a guest: nearly a minute under emulation.
 */
const qemuConf = 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\ncgroup_controllers = []\n'
const libvirtdConf = 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n'

export class World {
  readonly #dir: string

  /** Everything of it is below this folder, except for what libvirt knows of this QEMU, which lies beside. */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** For what belongs to this world and shall end with it. */
  path(name: string): string {
    return join(this.#dir, name)
  }

  /** What its machines are for. */
  set purpose(text: string) {
    writeFileSync(this.path('purpose'), text)
  }

  /** Starts anew: ends what an earlier, killed run left, and begins with nothing. One that runs for the purpose is taken over. */
  async start({ takeOver }: { takeOver: string | undefined }): Promise<void> {
    const purpose = existsSync(this.path('purpose')) ? readFileSync(this.path('purpose'), 'utf8') : undefined
    if (purpose !== undefined && purpose === takeOver && this.#pid() !== undefined) return
    await this.stop()
    mkdirSync(this.path('etc'), { recursive: true })
    writeFileSync(this.path('etc/qemu.conf'), qemuConf)
    writeFileSync(this.path('etc/libvirtd.conf'), libvirtdConf)
    writeFileSync(this.path('etc/virtlogd.conf'), '')
    mkdirSync('/run/libvirt', { recursive: true }) // where the world's own is mounted
    const log = openSync(this.path('world.log'), 'w')
    const namespaces = [
      '--net',
      '--mount',
      '--propagation',
      'private',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
    ]
    const world = spawn('unshare', [...namespaces, join(import.meta.dirname, 'world.sh'), this.#dir], {
      detached: true,
      stdio: ['ignore', log, log],
    })
    await once(world, 'spawn')
    writeFileSync(this.path('pid'), String(world.pid))
    world.unref()
    await waitFor(`libvirt answering (see ${this.path('libvirtd.log')})`, 60_000, async () => {
      await this.run('virsh', ['list'])
      return true
    })
  }

  /** Ends every process of it, and forgets its files. */
  async stop(): Promise<void> {
    const pid = this.#pid()
    if (pid !== undefined) {
      process.kill(pid, 'SIGKILL')
      await waitFor('the end of libvirt', 20_000, async () => (this.#pid() === undefined ? true : undefined))
    }
    // The kernel takes a moment to end all processes; some still write.
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  /** Runs a program in this world and returns what it wrote to stdout. Throws CommandError. */
  async run(program: string, args: readonly string[]): Promise<string> {
    return await run('nsenter', [...(await this.#entrance()), program, ...args])
  }

  /** Runs a program in this world, with all its words in a log; returns its stdout. Throws with the last words when it fails. */
  async runLogged(log: string, program: string, args: readonly string[], env: Record<string, string>): Promise<string> {
    const child = execa('nsenter', [...(await this.#entrance()), program, ...args], {
      env,
      all: true,
      stdin: 'ignore',
      reject: false,
    })
    const words = createWriteStream(log, { flags: 'a' })
    child.all.pipe(words)
    const { failed, all, stdout } = await child
    if (failed) throw new Error(`${program} ${args.join(' ')} (see ${log}): ${lastLines(all)}`)
    return stdout
  }

  /** Words for nsenter. The world's first process is the child of the one whose pid is kept. */
  async #entrance(): Promise<string[]> {
    const pid = this.#pid()
    if (pid === undefined) throw new Error(`libvirt's world ended (see ${this.path('world.log')})`)
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return ['--target', child, '--net', '--mount', '--pid']
  }

  /** The pid in the file, if that process is still this world's. */
  #pid(): number | undefined {
    if (!existsSync(this.path('pid'))) return undefined
    const pid = Number(readFileSync(this.path('pid'), 'utf8'))
    const commandLine = `/proc/${pid}/cmdline`
    return existsSync(commandLine) && readFileSync(commandLine, 'utf8').includes(this.#dir) ? pid : undefined
  }
}

const lastLines = (text: string) =>
  text
    .split(/[\r\n]+/)
    .slice(-15)
    .join('\n')
