// The only door to tc: queueing disciplines, here for rates.

import { type RunOptions, run } from './exec.ts'

/** Runs lines of `tc -batch`, each as after "tc ". Throws a CommandError at the first that fails. */
export async function tcBatch(lines: readonly string[], where: Pick<RunOptions, 'netns'> = {}): Promise<void> {
  if (lines.length > 0) await run('tc', ['-batch', '-'], { ...where, input: `${lines.join('\n')}\n` })
}
