// Brings one lab up for all e2e files of a project and takes it down after them. Which lab: the project's FAIRLEAD_LAB_UP in
// vitest.config.ts, words of `lab up`; those of the environment win.

import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { run } from '../../cni/linux/exec.ts'

const labCommand = join(import.meta.dirname, '..', '..', 'lab', 'main.ts')

export async function setup({ config }: TestProject): Promise<void> {
  process.env.FAIRLEAD_LAB ??= 'test'
  // Of a project that sets no environment there is none, whatever the type says.
  const words = process.env.FAIRLEAD_LAB_UP ?? config.env?.FAIRLEAD_LAB_UP ?? ''
  await run(process.execPath, [labCommand, 'up', '--no-demo', ...words.split(' ').filter((word) => word !== '')])
}

export async function teardown(): Promise<void> {
  if (process.env.FAIRLEAD_KEEP_LAB === undefined) await run(process.execPath, [labCommand, 'down'])
}
