// Brings one lab up for all e2e files and takes it down after them.

import { join } from 'node:path'
import { run } from '../../cni/linux/exec.ts'

const labCommand = join(import.meta.dirname, '..', '..', 'lab', 'main.ts')

export async function setup(): Promise<void> {
  process.env.FAIRLEAD_LAB ??= 'test'
  await run(process.execPath, [labCommand, 'up', '--no-demo'])
}

export async function teardown(): Promise<void> {
  if (process.env.FAIRLEAD_KEEP_LAB === undefined) await run(process.execPath, [labCommand, 'down'])
}
