// fairlead net verify: the kernels of the nodes against what the cluster wants of them.

import type { Command } from 'commander'
import type { VerifyAnswer } from '../../api/net/requests.ts'
import { nodes } from '../../api/resources/nodes.ts'
import { ExitError } from '../errors.ts'
import { NodeAgents } from '../net/node-agents.ts'
import { inSession, type Session } from '../session.ts'
import { formatLines } from '../table.ts'

interface VerifyOptions {
  repair?: boolean
  output?: string
}

/** Adds the verb. */
export function addNetVerify(net: Command): void {
  net
    .command('verify [nodes...]')
    .description('compare what the nodes’ kernels hold with what the cluster wants; exit 1 when they differ')
    .option('--repair', 'mend what differs, and look again')
    .option('-o, --output <format>', 'table or json')
    .action(
      inSession(async (session: Session, names: string[], options: VerifyOptions) => {
        const wanted =
          names.length > 0 ? names : (await session.client.list(nodes)).items.map(({ metadata }) => metadata.name)
        const agents = new NodeAgents(session)
        const answers = await Promise.all(
          wanted.map((node) =>
            (options.repair === true ? agents.repair(node) : agents.verify(node)).catch((error: Error) =>
              unreachable(node, error),
            ),
          ),
        )
        process.stdout.write(
          options.output === 'json' ? `${JSON.stringify(answers, undefined, 2)}\n` : formatAnswers(answers),
        )
        if (answers.some(({ differences, errors }) => differences.length + errors.length > 0)) throw new ExitError(1)
      }),
    )
}

function unreachable(node: string, { message }: Error): VerifyAnswer {
  return { node, differences: [], errors: [message] }
}

/** The table; one sentence when there is nothing to tell. */
function formatAnswers(answers: readonly VerifyAnswer[]): string {
  const rows = answers.flatMap(({ node, differences, errors }) => [
    ...differences.map(({ kind, name, state, owner, detail = '' }) => [node, kind, name, state, owner, detail]),
    ...errors.map((error) => [node, 'error', error, '', '', '']),
  ])
  if (rows.length === 0) return `${answers.length} nodes hold what the cluster wants of them\n`
  return formatLines([['NODE', 'KIND', 'NAME', 'STATE', 'OWNER', 'DETAIL'], ...rows])
}
