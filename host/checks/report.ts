// Results of checks for people.

import type { CheckResult } from './check.ts'

/** A table; below each line that is not ok, how to mend it. */
export function formatResults(results: readonly CheckResult[]): string {
  const width = Math.max(...results.map(({ name }) => name.length))
  const lines = results.flatMap(({ name, state, found, mend }) => [
    `${state.padEnd(7)}  ${name.padEnd(width)}  ${found}`,
    ...(mend === undefined ? [] : [`${' '.repeat(9 + width)}  -> ${mend}`]),
  ])
  return `${lines.join('\n')}\n`
}

/** One line that counts them. */
export function summarize(results: readonly CheckResult[]): string {
  const count = (state: CheckResult['state']) => results.filter((each) => each.state === state).length
  return `${count('ok')} ok, ${count('warning')} warnings, ${count('failed')} failed`
}
