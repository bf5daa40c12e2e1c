import { expect, test } from 'vitest'
import { formatLines, type Table, TablePrinter } from './table.ts'

const columnDefinitions = [
  { name: 'Name', priority: 0 },
  { name: 'Ready', priority: 0 },
  { name: 'IP', priority: 1 },
]
const row = (name: string, namespace = 'default', labels?: Record<string, string>) => ({
  cells: [name, '1/1', '10.244.0.2'],
  object: { metadata: { name, namespace, ...(labels !== undefined && { labels }) } },
})
const table = (...rows: Table['rows']): Table => ({ columnDefinitions, rows })

test('columns are three spaces apart and the last has no padding', () => {
  expect(new TablePrinter().format(table(row('web-1'), row('database-12')))).toBe(
    ['NAME          READY', 'web-1         1/1', 'database-12   1/1', ''].join('\n'),
  )
})

test('wide shows the columns of lower priority', () => {
  expect(new TablePrinter({ isWide: true }).format(table(row('web')))).toBe(
    'NAME   READY   IP\nweb    1/1     10.244.0.2\n',
  )
})

test('namespaces go in front, labels to the end, prefixes before names', () => {
  const printer = new TablePrinter({ withNamespace: true, withLabels: true, namePrefix: 'pod/' })
  expect(printer.format(table(row('web', 'shop', { b: '2', a: '1' }), row('db', 'x')))).toBe(
    [
      'NAMESPACE   NAME      READY   LABELS',
      'shop        pod/web   1/1     a=1,b=2',
      'x           pod/db    1/1     <none>',
      '',
    ].join('\n'),
  )
})

test('the rows of a watch follow without headers, in line with those before', () => {
  const printer = new TablePrinter()
  printer.format(table(row('a-long-name')))
  expect(printer.format({ columnDefinitions: [], rows: [row('web')] })).toBe('web           1/1\n')
})

test('without headers only the rows are printed', () => {
  expect(new TablePrinter({ noHeaders: true }).format(table(row('web')))).toBe('web   1/1\n')
})

test('what a terminal would act upon is shown', () => {
  expect(formatLines([['\x1b[31mred\r', 'x']])).toBe('^[[31mred\\r   x\n')
})

test('cells that are empty or missing keep their column', () => {
  expect(
    formatLines([
      ['A', 'B', 'C'],
      ['1', '', '3'],
    ]),
  ).toBe('A   B   C\n1       3\n')
})
