// fairlead reset: nothing of Fairlead stays on this host.

import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { Refusal } from '../failure.ts'
import { findLeftovers } from '../leftovers.ts'
import { tell } from '../progress.ts'
import { removeEverything, tellRemoval } from '../removal.ts'

/** Adds the command. */
export function addReset(program: Command): void {
  program
    .command('reset')
    .description('take everything of Fairlead off this host: pods, network, rules, units, files')
    .option('-y, --yes', 'without asking')
    .addHelpText(
      'after',
      `
Containers, images, networks, rules and files of others stay as they are. On a control plane's host the cluster is gone with it: its
store, its authority, its keys. Take a node out of its cluster first: fairlead delete node NAME.

Examples:
  sudo fairlead reset
  sudo fairlead reset --yes`,
    )
    .action(reset)
}

async function reset({ yes }: { yes?: boolean }): Promise<void> {
  if (process.getuid?.() !== 0) throw new Refusal('not root: run it again with sudo')
  const { things, unread } = await findLeftovers()
  if (things.length === 0) {
    for (const each of unread) tell(`not looked at: ${each}`)
    return tell(`nothing of Fairlead is on this host${unread.length > 0 ? ', as far as it can be seen' : ''}`)
  }
  if (yes !== true) await confirm(things)
  const result = await removeEverything()
  tellRemoval(result)
  if (result.stayed.length > 0) throw new Refusal('not all is gone: the lines above say what failed; then run it again')
  if (result.failures.length > 0) process.exitCode = 1
  else if (result.left.length === 0 && result.unread.length === 0) tell('nothing of Fairlead is left on this host')
}

async function confirm(found: readonly string[]): Promise<void> {
  const containers = found.filter((each) => each.startsWith('container '))
  tell(`Of Fairlead there are ${found.length} things on this host, ${containers.length} containers of pods among them.`)
  if (!process.stdin.isTTY) throw new Refusal('nobody can be asked here; say --yes. Nothing was changed')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question('Remove them all, with their data? [y/N] ')
  terminal.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new Refusal('nothing was changed')
}
