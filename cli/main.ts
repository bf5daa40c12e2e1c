// The fairlead command.

import { spellBooleans } from './boolean-flags.ts'
import { ExitError, formatError } from './errors.ts'
import { makeProgram } from './program.ts'

// A reader such as head that has seen enough is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

try {
  const program = makeProgram()
  await program.parseAsync(spellBooleans(program, process.argv.slice(2)), { from: 'user' })
} catch (error) {
  const text = formatError(error)
  if (text !== '') process.stderr.write(`${text}\n`)
  process.exitCode = error instanceof ExitError ? error.exitCode : 1
}
