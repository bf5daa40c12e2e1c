// The host's commands as a whole: flags, help, and how a failure is told.

import { Command } from 'commander'
import { addCheck } from './commands/check.ts'
import { addInit } from './commands/init.ts'
import { addJoin } from './commands/join.ts'
import { addReset } from './commands/reset.ts'
import { addToken } from './commands/token.ts'
import { addUpgrade } from './commands/upgrade.ts'
import { Refusal } from './failure.ts'
import { tell } from './progress.ts'

const examples = `
Examples:
  fairlead check                                               what this host lacks, and how to mend it
  sudo fairlead init                                           a control plane here, and a node beside it
  sudo fairlead init --proxy-mode nftables --network vxlan     with other Services and tunnels between nodes
  sudo fairlead join 10.0.0.10:6443 --token T --ca-cert-hash H a node of that cluster
  sudo fairlead token create --print-join-command              the line above, with a new token
  sudo ./fairlead upgrade                                      this host goes over to ./fairlead
  sudo fairlead reset                                          nothing of Fairlead stays`

/** Every command, ready to parse arguments. */
export function makeHostProgram(): Command {
  const program = new Command('fairlead')
    .description('Make this host part of a cluster, and take it out again')
    .addHelpText('after', examples)
    .showHelpAfterError('See fairlead COMMAND --help')
  for (const add of [addCheck, addInit, addJoin, addToken, addUpgrade, addReset]) add(program)
  return program
}

/** Says why a command failed, and sets the exit code. */
export function tellFailure(error: unknown): void {
  process.exitCode = 1
  if (error instanceof Refusal) tell(`fairlead: ${error.message}`)
  else tell(`fairlead: ${error instanceof Error ? describe(error) : error}`)
}

/** Causes that say something else than what they caused. */
function describe(error: Error): string {
  const { cause } = error
  const more = cause instanceof Error && !error.message.includes(cause.message) ? `: ${describe(cause)}` : ''
  return `${error.message}${more}`
}
