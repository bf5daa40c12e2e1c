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

const examples = `
Examples:
  fairlead net verify                    all nodes
  fairlead net verify node-1 node-2      some
  fairlead net verify --repair           mend what is Fairlead's, and look again; what others made is left alone
  fairlead net verify -o json            for programs: api/net/difference.ts says what the fields mean

Compared are routes, neighbours, tunnels, settings and masquerading of each node, links and addresses of its pods, network policies,
Services, load balancer addresses and faults.
Exit code: 0 nothing differs, or not any more; 1 something does; 2 a node, or a part of it, could not tell.`

/** Adds the verb. */
export function addNetVerify(net: Command): void {
  net
    .command('verify [nodes...]')
    .description("compare what the nodes' kernels hold with what the cluster wants")
    .option('--repair', 'mend what differs, and look again')
    .option('-o, --output <format>', 'table or json')
    .addHelpText('after', examples)
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
        const code = exitCodeOf(answers)
        if (code !== 0) throw new ExitError(code)
      }),
    )
}

function exitCodeOf(answers: readonly VerifyAnswer[]): number {
  if (answers.some(({ differences }) => differences.length > 0)) return 1
  return answers.some(({ errors }) => errors.length > 0) ? 2 : 0
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
