// Tables of columns that the user chose: NAME:.metadata.name,NODE:.spec.nodeName

import { formatLines } from '../table.ts'
import { evaluateTemplate, type Template } from './json-path/evaluate.ts'
import { readRelaxedPath } from './json-path/json-path.ts'

/** A header, printed as it is, and where its cells come from. */
interface Column {
  header: string
  path: Template
}

// kubectl's narrowest column is 6 wide with the gap behind it.
const narrowest = 3

/** Prints objects, or the items of a list, as lines; headers come once, and widths only grow. */
export class ColumnsPrinter {
  readonly #columns: readonly Column[]
  readonly #widths: number[]
  #isHeaderDone = false

  /** Reads HEADER:PATH,HEADER:PATH. Commas in brackets part nothing. Throws an Error that names the column. */
  constructor(spec: string) {
    const parts = spec.match(/(?:\[[^\]]*\]|[^,[])+/g) ?? []
    this.#columns = parts.map(parseColumn)
    this.#widths = parts.map(() => narrowest)
  }

  format(value: unknown, { headers }: { headers: boolean }): string {
    const lines = toObjects(value).map((object) => this.#columns.map(({ path }) => formatCell(path, object)))
    if (headers && !this.#isHeaderDone) lines.unshift(this.#columns.map(({ header }) => header))
    this.#isHeaderDone = true
    return formatLines(lines, this.#widths)
  }
}

function parseColumn(part: string): Column {
  const at = part.indexOf(':')
  if (at < 1 || at === part.length - 1) {
    throw new Error(`custom-columns: "${part}" has to be <header>:<path>, such as NAME:.metadata.name`)
  }
  return { header: part.slice(0, at), path: readRelaxedPath(part.slice(at + 1)) }
}

function toObjects(value: unknown): unknown[] {
  const items: unknown = Reflect.get(Object(value), 'items')
  return Array.isArray(items) ? items : [value]
}

function formatCell(path: Template, object: unknown): string {
  const groups = evaluateTemplate(path, object)
  if ((groups[0]?.length ?? 0) === 0) return '<none>'
  return groups.flat().map(formatGo).join(',')
}

/** As Go's %v writes values, which is what kubectl prints here: map[a:1 b:2], [x y], <nil>. */
function formatGo(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(formatGo).join(' ')}]`
  if (typeof value !== 'object') return String(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `map[${entries.map(([key, field]) => `${key}:${formatGo(field)}`).join(' ')}]`
}
