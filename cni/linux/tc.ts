// The only door to tc: queueing disciplines, here for rates.

import { CommandError, type RunOptions, run } from './exec.ts'

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

export interface Qdisc {
  kind: string
  /** Such as "fa17:". */
  handle: string
  dev: string
  root?: boolean
}

/** Every queueing discipline of every device. */
export async function listQdiscs(where: Pick<RunOptions, 'netns'> = {}): Promise<Qdisc[]> {
  return JSON.parse((await run('tc', ['-json', 'qdisc', 'show'], where)).trim() || '[]')
}

/** What this kernel lacks for delays, or undefined. Tried in a namespace that is gone with the try. */
export async function canDelay(): Promise<string | undefined> {
  for (const kind of ['prio', 'netem']) {
    try {
      await run('unshare', ['--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', kind])
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      return `its kernel has no queueing discipline "${kind}" (module sch_${kind}): ${error.stderr.trim()}`
    }
  }
  return undefined
}
