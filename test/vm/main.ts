// `scripts/test vm [--keep] [PART...]`: what needs a kernel of its own, in a Debian guest under QEMU without KVM. All parts by
// default, in the order of the list. --keep leaves the guest running, and takes over one that runs; without it nothing stays.
// FAIRLEAD_VM=-name gives the run a guest of its own: a run ends what an earlier one of the same name left.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { step } from '../../host/progress.ts'
import { ensureDebianPackages } from '../support/debian-packages.ts'
import type { Guest } from './guest.ts'
import { ensureImage, guestNode } from './image.ts'
import { Machine } from './machine.ts'
import { hostPackages } from './packages.ts'
import type { Part, PartResult } from './part.ts'
import { parts } from './parts/index.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { keep: { type: 'boolean' } } })
const chosen = positionals.length === 0 ? parts : parts.filter(({ name }) => positionals.includes(name))
const unknown = positionals.filter((name) => parts.every((part) => part.name !== name))
if (unknown.length > 0) {
  console.error(`vm: no part "${unknown.join(' ')}": there are ${parts.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

const cacheDir = join(import.meta.dirname, '../../.cache/vm')
const keep = values.keep === true

await step('vm: Debian packages of the host', () => ensureDebianPackages(hostPackages))
const runDir = join(cacheDir, `run${process.env.FAIRLEAD_VM ?? ''}`)
const image = await ensureImage(cacheDir)
const machine = new Machine({ runDir, peerDir: `${runDir}-peer`, hostname: 'vm' }, image)
const peerMachine = new Machine({ runDir: `${runDir}-peer`, peerDir: runDir, hostname: 'peer' }, image)
const stopAll = async () => void (await Promise.all([machine.stop(), peerMachine.stop()]))
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => void (keep ? Promise.resolve() : stopAll()).then(() => process.exit(1)))
let booted: Promise<Guest> | undefined
const peer = () => {
  booted ??= peerMachine.boot({ keep })
  return booted
}
const total: PartResult = { passed: 0, failed: 0, skipped: 0 }
try {
  if (!keep) await peerMachine.stop()
  const guest = await machine.boot({ keep })
  for (const part of chosen) await runPart(part, guest)
} catch (error) {
  console.error(error)
  total.failed++
} finally {
  if (!keep) await stopAll()
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0)

async function runPart({ name, title, run }: Part, guest: Guest): Promise<void> {
  const startedMs = performance.now()
  console.log(`\n== vm ${name}: ${title}`)
  const result = await run({ guest, peer, node: guestNode, say: console.log }).catch((error: unknown): PartResult => {
    console.error(error, machine.console.slice(-4_000))
    return { passed: 0, failed: 1, skipped: 0 }
  })
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += result[key]
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  console.log(
    `== vm ${name}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped in ${seconds} s`,
  )
}
