// Tables as kubectl prints them: columns three spaces apart, the last one without padding.

/** A meta.k8s.io/v1 Table. */
export interface Table {
  metadata?: { resourceVersion?: string; continue?: string }
  columnDefinitions: { name: string; type?: string; priority?: number }[]
  rows: TableRow[]
}

export interface TableRow {
  cells: unknown[]
  object?: {
    metadata?: { name?: string; namespace?: string; resourceVersion?: string; labels?: Record<string, string> }
  }
}

export interface TableStyle {
  /** Show columns of lower priority. */
  isWide?: boolean
  withNamespace?: boolean
  withLabels?: boolean
  /** Put before every name: "pod/". */
  namePrefix?: string
  noHeaders?: boolean
}

/** The media type that asks a server for a Table. */
export const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

const gap = 3

/** Turns Tables into lines; widths only grow, so that the rows of a watch stay in line with those before. */
export class TablePrinter {
  readonly #style: TableStyle
  #columns: Table['columnDefinitions'] = []
  #widths: number[] = []
  #hasHeaders: boolean

  constructor(style: TableStyle = {}) {
    this.#style = style
    this.#hasHeaders = style.noHeaders === true
  }

  /** The rows as text, below the headers the first time. Watch events may leave the columns out. */
  format(table: Table): string {
    if (table.columnDefinitions.length > 0) this.#columns = table.columnDefinitions
    const lines = this.#hasHeaders ? [] : [this.#headers()]
    this.#hasHeaders = true
    lines.push(...table.rows.map((row) => this.#cells(row)))
    return formatLines(lines, this.#widths)
  }

  #headers(): string[] {
    const { withNamespace, withLabels } = this.#style
    const names = this.#visible(this.#columns.map(({ name }) => name.toUpperCase()))
    return [...(withNamespace ? ['NAMESPACE'] : []), ...names, ...(withLabels ? ['LABELS'] : [])]
  }

  #cells({ cells, object }: TableRow): string[] {
    const { withNamespace, withLabels, namePrefix = '' } = this.#style
    const texts = this.#visible(cells.map(formatCell))
    texts[0] = `${namePrefix}${texts[0] ?? ''}`
    const labels = Object.entries(object?.metadata?.labels ?? {}).map(([key, value]) => `${key}=${value}`)
    return [
      ...(withNamespace ? [object?.metadata?.namespace ?? ''] : []),
      ...texts,
      ...(withLabels ? [labels.sort().join(',') || '<none>'] : []),
    ]
  }

  #visible(texts: string[]): string[] {
    return texts.filter((_, at) => this.#style.isWide === true || (this.#columns[at]?.priority ?? 0) === 0)
  }
}

function formatCell(cell: unknown): string {
  if (cell === null || cell === undefined) return '<none>'
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell)
}

/**
 * Lines of cells as text, each line ended. Widths are raised in place to those that were needed. What a terminal would act upon is
 * shown instead, as kubectl does: names of images and messages are other people's words.
 */
export function formatLines(lines: readonly string[][], widths: number[] = []): string {
  const shown = lines.map((line) => line.map((cell) => cell.replaceAll('\x1b', '^[').replaceAll('\r', '\\r')))
  for (const line of shown) {
    for (const [at, cell] of line.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  }
  return shown.map((line) => `${formatLine(line, widths)}\n`).join('')
}

function formatLine(line: string[], widths: readonly number[]): string {
  const last = line.length - 1
  return line.map((cell, at) => (at === last ? cell : cell.padEnd((widths[at] ?? 0) + gap))).join('')
}
