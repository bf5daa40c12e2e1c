// The box: what Vagrant takes by `vagrant box add NAME FILE`. A tar with the disk, what the provider must know of it, and a
// Vagrantfile that gives QEMU the kernel, as the disk has no boot loader.

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { run } from '../../cni/linux/exec.ts'
import { step } from '../../host/progress.ts'
import { ensureDebianImage } from './debian-image.ts'
import { boxRecipe, sshKeyName } from './recipe.ts'

export interface Box {
  path: string
  /** Changes with the contents. */
  key: string
}

/** ../Vagrantfile adds the machine's name to it. */
const commandLine = 'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet apparmor=0 audit=0 mitigations=off'

const vagrantfile = `# Kernel and initrd lie beside this file: the disk has no boot loader. So does the key, which is this box's own.
Vagrant.configure('2') do |config|
  config.vm.guest = :debian
  config.ssh.insert_key = false
  config.ssh.private_key_path = File.expand_path('${sshKeyName}', __dir__)
  config.vm.synced_folder '.', '/vagrant', disabled: true
  config.vm.provider :libvirt do |libvirt|
    libvirt.kernel = File.expand_path('vmlinuz', __dir__)
    libvirt.initrd = File.expand_path('initrd.img', __dir__)
    libvirt.cmd_line = '${commandLine}'
  end
end
`

/** The box below this folder, made now if the recipe has changed since the last one. Needs root. */
export async function ensureBox(cacheDir: string): Promise<Box> {
  mkdirSync(cacheDir, { recursive: true })
  const image = await ensureDebianImage(cacheDir, { ...boxRecipe, inputs: vagrantfile })
  const path = join(image.dir, 'fairlead-debian12.box')
  if (!existsSync(path)) await step('box: pack', () => pack(image.dir, path))
  return { path, key: basename(image.dir).replace(/^box-/, '') }
}

async function pack(dir: string, path: string): Promise<void> {
  const parts = join(dir, 'parts')
  rmSync(parts, { recursive: true, force: true })
  mkdirSync(parts)
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', join(dir, 'disk.raw'), join(parts, 'box.img')])
  for (const name of ['vmlinuz', 'initrd.img', sshKeyName]) copyFileSync(join(dir, name), join(parts, name))
  writeFileSync(join(parts, 'Vagrantfile'), vagrantfile)
  const metadata = { provider: 'libvirt', format: 'qcow2', virtual_size: boxRecipe.diskGigabytes }
  writeFileSync(join(parts, 'metadata.json'), JSON.stringify(metadata))
  const unfinished = `${path}.unfinished`
  await run('tar', ['-C', parts, '--sparse', '-cf', unfinished, '.'])
  rmSync(parts, { recursive: true })
  rmSync(join(dir, 'disk.raw'))
  renameSync(unfinished, path)
}
