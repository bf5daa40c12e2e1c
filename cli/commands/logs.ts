// fairlead logs: what a container wrote.

import type { Command } from 'commander'
import { pods } from '../../api/resources/pods.ts'
import { pathOf } from '../../api/resources/resource.ts'
import { parseDuration } from '../duration.ts'
import { chooseContainer, findPod } from '../pods.ts'
import { inSession, type Session } from '../session.ts'

interface LogOptions {
  container?: string
  follow?: boolean
  previous?: boolean
  tail?: string
  since?: string
  timestamps?: boolean
}

/** Adds the verb. */
export function addLogs(program: Command): void {
  program
    .command('logs <pod>')
    .description('print what a container wrote: logs -f deploy/web')
    .option('-c, --container <name>', 'which container')
    .option('-f, --follow', 'go on with what it writes')
    .option('-p, --previous', 'of the container before the last restart')
    .option('--tail <lines>', 'only the last lines')
    .option('--since <duration>', 'only what is newer, such as 5m')
    .option('--timestamps', 'with the time of each line')
    .action(
      inSession(async (session: Session, word: string, options: LogOptions) => {
        const pod = await findPod(session, word)
        const query = toQuery(chooseContainer(pod, options.container), options)
        const path = pathOf(pods, { ...pod.metadata, subresource: 'log' })
        const { body } = await session.open(`${path}?${query}`)
        for await (const chunk of body) await write(chunk)
      }),
    )
}

/** The query of the log subresource. */
function toQuery(container: string, options: LogOptions): URLSearchParams {
  const { tail, since, follow, previous, timestamps } = options
  if (tail !== undefined && !/^(\d+|-1)$/.test(tail)) throw new Error(`--tail is a number of lines, not "${tail}"`)
  const sinceMs = since === undefined ? undefined : parseDuration(since)
  return new URLSearchParams({
    container,
    ...(follow === true && { follow: 'true' }),
    ...(previous === true && { previous: 'true' }),
    ...(timestamps === true && { timestamps: 'true' }),
    ...(tail !== undefined && tail !== '-1' && { tailLines: tail }),
    ...(sinceMs !== undefined && { sinceSeconds: String(Math.ceil(sinceMs / 1000)) }),
  })
}

/** Slow readers of our output slow the server down, instead of filling our memory. */
async function write(chunk: Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve))
}
