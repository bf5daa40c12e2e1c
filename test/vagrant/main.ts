// `scripts/test vagrant [--keep] [iptables|ipvs]`: the real `vagrant up` with three machines, on libvirt with QEMU's software emulation,
// in namespaces without a way out. --keep leaves the machines of the last mode, and takes over those that run if they have this
// mode and this box; without it nothing stays, also of an earlier run that was killed.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { step } from '../../host/progress.ts'
import { ensureBox } from '../../vagrant/box/box.ts'
import { ensureDebianPackages } from '../support/debian-packages.ts'
import { type Case, cases, destroyed } from './cases.ts'
import { Vagrant } from './vagrant.ts'
import { World } from './world.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { keep: { type: 'boolean' } } })
const modes = positionals.length === 0 ? Object.keys(cases) : positionals
const unknown = modes.filter((mode) => cases[mode] === undefined)
if (unknown.length > 0) {
  console.error(`vagrant: no mode "${unknown.join(' ')}": there are ${Object.keys(cases).join(', ')}`)
  process.exit(2)
}

const packages = [
  ...['vagrant', 'vagrant-libvirt', 'libvirt-daemon-system', 'libvirt-clients', 'dnsmasq-base'],
  ...['qemu-system-x86', 'qemu-utils', 'debootstrap', 'e2fsprogs', 'openssh-client'],
]
const cacheDir = join(import.meta.dirname, '../../.cache/vagrant')
const log = join(cacheDir, 'vagrant.log')
const keep = values.keep === true
const total = { passed: 0, failed: 0, skipped: 0 }

await step('vagrant: Debian packages of the host', () => ensureDebianPackages(packages))
const box = await ensureBox(cacheDir)
const world = new World(join(cacheDir, 'world'))
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => void (keep ? Promise.resolve() : world.stop()).then(() => process.exit(1)))
try {
  rmSync(log, { force: true })
  await step('vagrant: libvirt in a world of its own', () =>
    world.start({ takeOver: keep ? purposeOf(modes[0]) : undefined }),
  )
  await step('vagrant: box added', () => new Vagrant(world, log, {}).addBox(box.path))
  for (const mode of modes) await runMode(mode)
} catch (error) {
  console.error(error)
  total.failed++
} finally {
  if (!keep) await world.stop()
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0)

/** What a kept world must have been made for: machines keep their mode and their disks. */
function purposeOf(mode = ''): string {
  return `${mode} on box ${box.key}`
}

/** The cases of one mode. Each builds on the one before: after a failure the rest is skipped, but for the destroying one. */
async function runMode(mode: string): Promise<void> {
  console.log(`\n== vagrant, ${mode}`)
  world.purpose = purposeOf(mode)
  const vagrant = new Vagrant(world, log, { PROXY_MODE: mode })
  let isBroken = false
  for (const each of cases[mode] ?? []) {
    if (isBroken) {
      console.log(`skipped  ${each.name}`)
      total.skipped++
    } else if (!(await runCase(each, vagrant))) isBroken = true
  }
  if (!keep || mode !== modes.at(-1)) await runCase(destroyed, vagrant)
}

async function runCase({ name, run }: Case, vagrant: Vagrant): Promise<boolean> {
  const startedMs = performance.now()
  const took = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`
  try {
    await run(vagrant)
    total.passed++
    console.log(`ok       ${name} (${took()})`)
    return true
  } catch (error) {
    total.failed++
    console.error(`FAILED   ${name} (${took()})\n`, error)
    return false
  }
}
