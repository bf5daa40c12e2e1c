// The only door to tc: queueing disciplines, here for rates.

import { type RunOptions, run } from './exec.ts'

/** Runs lines of `tc -batch`, each as after "tc ". Throws a CommandError at the first that fails. */
export async function tcBatch(lines: readonly string[], where: Pick<RunOptions, 'netns'> = {}): Promise<void> {
  if (lines.length > 0) await run('tc', ['-batch', '-'], { ...where, input: `${lines.join('\n')}\n` })
}

/** Kinds of the queueing disciplines at the roots of devices, such as "tbf" or "noqueue", by device. */
export async function listRootQdiscs(where: Pick<RunOptions, 'netns'> = {}): Promise<Map<string, string>> {
  const qdiscs: { kind: string; dev: string; root?: boolean }[] = JSON.parse(
    (await run('tc', ['-json', 'qdisc', 'show'], where)).trim() || '[]',
  )
  return new Map(qdiscs.filter(({ root }) => root === true).map(({ dev, kind }) => [dev, kind]))
}
