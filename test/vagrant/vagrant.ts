// The real `vagrant`, run on ../../vagrant/Vagrantfile in a world of its own, and kubectl beside it as a user would have it.

import { join } from 'node:path'
import { ensureKubectl } from '../../lab/kubectl.ts'
import { root } from '../../lab/paths.ts'
import type { World } from './world.ts'

const boxName = 'fairlead/debian12'

export class Vagrant {
  readonly #world: World
  readonly #log: string
  readonly #options: Record<string, string>

  /** All words of all commands go into the log. Options are those of the Vagrantfile. */
  constructor(world: World, log: string, options: Record<string, string>) {
    this.#world = world
    this.#log = log
    this.#options = options
  }

  /** Where the kubeconfig is written. */
  get kubeconfig(): string {
    return this.#world.path('kubeconfig')
  }

  /** Adds the box under the name that the Vagrantfile knows as one without a boot loader. */
  async addBox(path: string): Promise<void> {
    await this.run('box', 'add', '--force', '--name', boxName, path)
  }

  /** Runs a command of Vagrant to its end and returns its stdout. */
  async run(...words: string[]): Promise<string> {
    return await this.#world.runLogged(this.#log, 'vagrant', [...words, '--no-color', '--no-tty'], {
      // Everything that Vagrant keeps goes with the world.
      HOME: this.#world.path('home'),
      VAGRANT_HOME: this.#world.path('home/.vagrant.d'),
      VAGRANT_DOTFILE_PATH: this.#world.path('machines'),
      VAGRANT_CWD: join(root, 'vagrant'),
      VAGRANT_DEFAULT_PROVIDER: 'libvirt',
      VAGRANT_CHECKPOINT_DISABLE: '1',
      KUBECONFIG_FILE: this.kubeconfig,
      BOX: boxName,
      DRIVER: 'qemu',
      ...this.#options,
    })
  }

  /** Runs a shell command in a machine and returns its stdout. */
  async ssh(machine: string, command: string): Promise<string> {
    return await this.run('ssh', machine, '--command', command)
  }

  /** kubectl with the kubeconfig that Vagrant wrote. */
  async kubectl(...words: string[]): Promise<string> {
    return await this.#world.run(await ensureKubectl(), ['--kubeconfig', this.kubeconfig, ...words])
  }

  /** What kubectl says with `--output json`. */
  async get<T>(...words: string[]): Promise<T> {
    const text: unknown = JSON.parse(await this.kubectl('get', ...words, '--output', 'json'))
    return text as T
  }

  /** What libvirt still has of the machines: domains, networks, disks but the box's, and QEMU itself. */
  async leftovers(): Promise<string[]> {
    const ask = async (...words: string[]) =>
      (await this.#world.run('virsh', words)).split('\n').map((line) => line.trim())
    const disks = (await ask('vol-list', 'default')).slice(2).map((line) => line.split(/\s+/)[0] ?? '')
    const qemu = await this.#world.run('ps', ['-e', '-o', 'comm='])
    return [
      ...(await ask('list', '--all', '--name')),
      ...(await ask('net-list', '--all', '--name')),
      ...disks.filter((name) => !name.includes('_vagrant_box_image_')),
      ...qemu.split('\n').filter((name) => name.startsWith('qemu-system')),
    ].filter((name) => name !== '')
  }
}
