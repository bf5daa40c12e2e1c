// fairlead scale: how many pods a workload should have.

import type { Command } from 'commander'
import { formatName } from '../discovery.ts'
import { inSession, type Session } from '../session.ts'
import { parseNamedTargets } from '../targets.ts'

/** Adds the verb. */
export function addScale(program: Command): void {
  program
    .command('scale <targets...>')
    .description('set the number of replicas: scale deploy/web --replicas 5')
    .requiredOption('--replicas <count>', 'how many')
    .action(
      inSession(async (session: Session, words: string[], { replicas }: { replicas: string }) => {
        if (!/^\d+$/.test(replicas)) throw new Error(`--replicas is a number of 0 or more, not "${replicas}"`)
        for (const { type, name } of await parseNamedTargets(session.discovery, words)) {
          const patch = { spec: { replicas: Number(replicas) } }
          const options = { subresource: 'scale' }
          await session.client.patch(
            type,
            { namespace: session.namespace, name },
            'application/merge-patch+json',
            patch,
            options,
          )
          process.stdout.write(`${formatName(type, name)} scaled\n`)
        }
      }),
    )
}
