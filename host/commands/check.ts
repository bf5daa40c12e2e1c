// fairlead check: what this host has and lacks. Changes nothing.

import { type Command, Option } from 'commander'
import { parsePort } from '../../api/flags/values.ts'
import type { CheckResult } from '../checks/check.ts'
import { checkHost } from '../checks/checks.ts'
import { gatherFacts } from '../checks/gather.ts'
import { formatResults, summarize } from '../checks/report.ts'
import { type ClusterOptions, clusterOptions, type NodeOptions, nodeOptions } from '../options.ts'
import { tell } from '../progress.ts'
import { addressesOf, toWish } from '../settings.ts'

interface CheckOptions extends ClusterOptions, NodeOptions {
  role: 'server' | 'node' | 'both'
  port: number
  output: 'table' | 'json'
}

/** Adds the command. */
export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .description('what this host lacks, and how to mend it; changes nothing')
    .addOption(new Option('--role <role>', 'what it is to become').choices(['server', 'node', 'both']).default('both'))
    .option('--port <number>', 'where the API server is to listen', parsePort, 6443)
    .addOption(new Option('-o, --output <format>').choices(['table', 'json']).default('table'))
  for (const option of [...clusterOptions(), ...nodeOptions()]) command.addOption(option)
  command
    .addHelpText(
      'after',
      `
Ends with 1 when something failed, and with 0 otherwise, warnings or not.

Examples:
  sudo fairlead check
  sudo fairlead check --role node --proxy-mode ipvs
  sudo fairlead check -o json | jq '.[] | select(.state != "ok")'`,
    )
    .action(check)
}

async function check({ role, port, output, nodeName, nodeIp, ...cluster }: CheckOptions): Promise<void> {
  const facts = await gatherFacts()
  const addresses = addressesOf([nodeIp], facts.ownAddress)
  const roles = { isServer: role !== 'node', isNode: role !== 'server' }
  const results = checkHost(facts, toWish({ nodeName, addresses, port, ...cluster }, roles))
  process.stdout.write(output === 'json' ? `${JSON.stringify(results, undefined, 2)}\n` : formatResults(results))
  if (output === 'table') tell(summarize(results))
  if (results.some(isFailed)) process.exitCode = 1
}

const isFailed = ({ state }: CheckResult) => state === 'failed'
