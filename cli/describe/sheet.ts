// Labelled values below one another, as describe prints them: a label with one value, with several lines, or with rows of
// its own.

export type Value = string | number | boolean | undefined | readonly string[] | readonly Row[]
export type Row = readonly [label: string, value: Value]

const indentOf = (depth: number) => '  '.repeat(depth)

/** The rows as text, values of a level in line; rows without a value are left out. */
export function formatSheet(rows: readonly Row[], depth = 0): string {
  const shown = rows.filter(([, value]) => value !== undefined)
  const width =
    Math.max(0, ...shown.filter(([, value]) => !isRows(value) && !isTable(value)).map(([label]) => label.length + 1)) +
    2
  return shown.map((row) => formatRow(row, width, depth)).join('')
}

const isRows = (value: Value): value is readonly Row[] =>
  Array.isArray(value) && value.length > 0 && Array.isArray(value[0])

const isTable = (value: Value) => Array.isArray(value) && value.length > 1 && value[0] === ''

function formatRow([label, value]: Row, width: number, depth: number): string {
  const indent = indentOf(depth)
  if (isRows(value)) return `${indent}${label}:\n${formatSheet(value, depth + 1)}`
  const lines = Array.isArray(value) ? value.map(String) : [String(value)]
  const [first = '<none>', ...more] = lines
  // A table stands below its label.
  if (isTable(value)) return `${indent}${label}:\n${more.map((line) => `${indent}  ${line}\n`).join('')}`
  const head = `${indent}${`${label}:`.padEnd(width)}${first === '' ? '<none>' : first}`
  return `${[head, ...more.map((line) => `${indent}${' '.repeat(width)}${line}`)].map((line) => line.trimEnd()).join('\n')}\n`
}

/** Labels or annotations, one a line, in order of their names. */
export function listPairs(pairs: Record<string, string> | undefined, separator = '='): string[] {
  return Object.entries(pairs ?? {})
    .map(([key, value]) => `${key}${separator}${value}`)
    .sort()
}
