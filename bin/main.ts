// The entry of the one file: chooses a program and starts it, and nothing but it. Every line here is paid for by every CNI call.

import { basename } from 'node:path'
import { asksForHelp, choose, helpText } from './commands.ts'
import { runScript, startProgram } from './program.ts'
import { versionLine } from './version.ts'

const [, , ...given] = process.argv
const choice = choose(basename(process.argv0), given)
if (choice.act === 'version') console.log(versionLine)
else if (choice.act === 'script') {
  process.argv = [process.execPath, ...choice.words]
  runScript(choice.source)
} else {
  process.argv = [process.execPath, choice.title, ...choice.words]
  if (choice.program === 'fairlead' && asksForHelp(given)) process.once('exit', () => process.stdout.write(helpText))
  startProgram(choice.program)
}
