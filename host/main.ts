// The commands that work on this host: check, init, join, token, upgrade, reset. Only wires.

import { makeHostProgram, tellFailure } from './program.ts'

/** Runs the command that the arguments name, such as ["init", "--no-node"]; sets the exit code and says why it failed. */
export async function runHostCommand(argv: readonly string[]): Promise<void> {
  try {
    await makeHostProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    tellFailure(error)
  }
}

// Bundled into the one file it is called, and not the entry.
if (import.meta.main) void runHostCommand(process.argv.slice(2))
