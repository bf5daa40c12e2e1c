// One virtual machine under plain QEMU, software emulation: no KVM, no libvirt, no way out (restrict=on), ssh on a loopback
// port. A cable, two sockets of QEMU's, may lead to one other machine: eth1 is its end. Its pid file outlives a killed run, and
// the next run ends or takes over what it names.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { execa } from 'execa'
import { step, waitFor } from '../../host/progress.ts'
import { Guest } from './guest.ts'
import type { Image } from './image.ts'

const cpus = 2
const memoryMegabytes = 1536
const commandLine = 'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet apparmor=0 audit=0 mitigations=off'

export interface MachineOptions {
  /** Everything of this machine's life is below it: pid, port, disk overlay, console. */
  runDir: string
  /** Where the machine at the cable's other end has the same. */
  peerDir: string
  hostname: string
}

export class Machine {
  readonly #options: MachineOptions
  readonly #image: Image

  constructor(options: MachineOptions, image: Image) {
    this.#options = options
    this.#image = image
  }

  /** What the guest's kernel and init said so far. */
  get console(): string {
    return existsSync(this.#path('console.log')) ? readFileSync(this.#path('console.log'), 'utf8') : ''
  }

  /** Boots the guest on a fresh copy of the image and waits for ssh. With `keep`, a guest that still runs is taken over. */
  async boot({ keep = false }: { keep?: boolean } = {}): Promise<Guest> {
    if (keep && this.#runsThisImage() && existsSync(this.#path('port'))) return this.#guest()
    await this.stop()
    mkdirSync(this.#options.runDir, { recursive: true })
    await step(`vm: boot ${this.#options.hostname} to ssh`, async () => {
      await this.#start()
      await waitFor('ssh into the guest', 180_000, () => this.#answers())
    })
    return this.#guest()
  }

  /** Ends the guest, also one that an earlier, killed run left, and forgets its disk. */
  async stop(): Promise<void> {
    if (existsSync(this.#path('port'))) await this.#guest().close()
    const pid = this.#pid()
    if (pid !== undefined) {
      process.kill(pid, 'SIGKILL')
      await waitFor('the end of QEMU', 20_000, async () => (this.#pid() === undefined ? true : undefined))
    }
    rmSync(this.#options.runDir, { recursive: true, force: true })
  }

  #path(name: string): string {
    return join(this.#options.runDir, name)
  }

  #guest(): Guest {
    const port = Number(readFileSync(this.#path('port'), 'utf8'))
    return new Guest({
      port,
      sshKey: this.#image.sshKey, // Not below runDir: a socket's path has at most 107 characters.
      controlPath: `/run/fairlead-vm-${port}`,
    })
  }

  /** The pid in the pid file, if that process is still this machine's QEMU and not somebody else's by now. */
  #pid(): number | undefined {
    if (!existsSync(this.#path('pid'))) return undefined
    const pid = Number(readFileSync(this.#path('pid'), 'utf8'))
    return commandLineOf(pid).includes(this.#path('disk.qcow2')) ? pid : undefined
  }

  /** Not one that was kept from before the image was made anew. */
  #runsThisImage(): boolean {
    const pid = this.#pid()
    return pid !== undefined && commandLineOf(pid).includes(this.#image.kernel)
  }

  async #start(): Promise<void> {
    const disk = this.#path('disk.qcow2')
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', this.#image.disk, '-F', 'raw', disk])
    const port = await freePort()
    const log = openSync(this.#path('qemu.log'), 'w')
    const qemu = spawn('qemu-system-x86_64', [...this.#arguments(disk, port), ...this.#cable()], {
      // A socket's path has at most 107 characters: those of the cable are relative.
      cwd: this.#options.runDir,
      detached: true,
      stdio: ['ignore', log, log],
    })
    await once(qemu, 'spawn')
    writeFileSync(this.#path('pid'), String(qemu.pid))
    writeFileSync(this.#path('port'), String(port))
    qemu.unref()
  }

  async #answers(): Promise<true | undefined> {
    if (this.#pid() === undefined) throw new Error(`QEMU ended: ${readFileSync(this.#path('qemu.log'), 'utf8')}`)
    await this.#guest().run('true')
    return true
  }

  #arguments(disk: string, port: number): string[] {
    const { kernel, initrd } = this.#image
    const ssh = `user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`
    return [
      ...['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem', '-smp', String(cpus), '-m', String(memoryMegabytes)],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', `file:${this.#path('console.log')}`],
      ...['-drive', `file=${disk},if=virtio,cache=unsafe`, '-device', 'virtio-rng-pci'],
      ...['-netdev', ssh, '-device', 'virtio-net-pci,netdev=net0'],
      ...['-kernel', kernel, '-initrd', initrd],
      ...['-append', `${commandLine} systemd.hostname=${this.#options.hostname}`],
    ]
  }

  /** eth1. What is sent while nobody is at the other end is lost, as on any cable. */
  #cable(): string[] {
    const { runDir, peerDir, hostname } = this.#options
    const other = join(relative(runDir, peerDir), 'cable')
    const ends = `local.type=unix,local.path=cable,remote.type=unix,remote.path=${other}`
    const hash = createHash('sha256').update(hostname).digest('hex')
    const mac = `52:54:00:${hash.slice(0, 2)}:${hash.slice(2, 4)}:${hash.slice(4, 6)}`
    return ['-netdev', `dgram,id=net1,${ends}`, '-device', `virtio-net-pci,netdev=net1,mac=${mac}`]
  }
}

function commandLineOf(pid: number): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''
}

/** A loopback port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port on loopback')
  return address.port
}
