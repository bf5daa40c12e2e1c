// One virtual machine under plain QEMU, software emulation: no KVM, no libvirt, no way out (restrict=on), ssh on a loopback
// port. Its pid file outlives a killed run, and the next run ends or takes over what it names.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { step, waitFor } from '../../lab/progress.ts'
import { Guest } from './guest.ts'
import type { Image } from './image.ts'

const cpus = 2
const memoryMegabytes = 1536
const commandLine =
  'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet apparmor=0 audit=0 mitigations=off systemd.hostname=vm'

export class Machine {
  readonly #runDir: string
  readonly #image: Image

  /** Everything of this machine's life is below runDir: pid, port, disk overlay, console. */
  constructor(runDir: string, image: Image) {
    this.#runDir = runDir
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
    mkdirSync(this.#runDir, { recursive: true })
    await step('vm: boot to ssh', async () => {
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
    rmSync(this.#runDir, { recursive: true, force: true })
  }

  #path(name: string): string {
    return join(this.#runDir, name)
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
    const qemu = spawn('qemu-system-x86_64', qemuArguments(this.#image, disk, port, this.#path('console.log')), {
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
}

function commandLineOf(pid: number): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''
}

function qemuArguments(image: Image, disk: string, port: number, consoleFile: string): string[] {
  return [
    ...['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem', '-smp', String(cpus), '-m', String(memoryMegabytes)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', `file:${consoleFile}`],
    ...['-drive', `file=${disk},if=virtio,cache=unsafe`, '-device', 'virtio-rng-pci'],
    ...[
      '-netdev',
      `user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`,
      '-device',
      'virtio-net-pci,netdev=net0',
    ],
    ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', commandLine],
  ]
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
