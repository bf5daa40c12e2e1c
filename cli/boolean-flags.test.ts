import { expect, test } from 'vitest'
import { spellBooleans } from './boolean-flags.ts'
import { makeProgram } from './program.ts'

test.each([
  ['a flag that is on unless it is said', 'delete pod web --wait=false', 'delete pod web --no-wait'],
  ['the same, said to be on', 'delete pod web --wait=true --wait', 'delete pod web'],
  ['a flag that is off unless it is said', 'delete --force=true --all=1 pods', 'delete --force --all pods'],
  ['the same, said to be off', 'delete --ignore-not-found=false pod web', 'delete pod web'],
  ['a flag of a command in a command', 'create service nodeport np --tcp=80 --x=true', undefined],
  ['a value that is neither', 'delete pod web --wait=maybe', undefined],
  ["another command's flag", 'get pods --wait=false', undefined],
  ['a flag with a value that looks like one', 'delete pods -l a --timeout=0', undefined],
  ['what a container is given', 'exec web --stdin=true -- tool --stdin=true', 'exec web --stdin -- tool --stdin=true'],
])('%s', (_, line, expected = line) => {
  expect(spellBooleans(makeProgram(), line.split(' ')).join(' ')).toBe(expected)
})
