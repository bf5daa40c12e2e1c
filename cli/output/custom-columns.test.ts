import { expect, test } from 'vitest'
import { ColumnsPrinter } from './custom-columns.ts'

const web = { metadata: { name: 'web-12', labels: { b: '2', a: '1' } }, spec: { ports: [80, 443], host: null }, n: 1 }
const db = { metadata: { name: 'db' }, spec: { ports: [] } }
const list = { kind: 'List', items: [web, db] }
const shown = { headers: true }

test('columns have the headers as written, and <none> where a field is missing', () => {
  expect(new ColumnsPrinter('Name:.metadata.name,A:metadata.labels.a').format(list, shown)).toBe(
    'Name     A\nweb-12   1\ndb       <none>\n',
  )
})

test('narrow columns are six wide, as in kubectl', () => {
  expect(new ColumnsPrinter('N:n,K:{.metadata.name}').format(web, shown)).toBe('N     K\n1     web-12\n')
})

test.each([
  ['{.spec.ports[*]}', '80,443'],
  ['.spec.ports', '[80 443]'],
  ['.metadata.labels', 'map[a:1 b:2]'],
  ['.spec.host', '<nil>'],
  ["{.metadata.labels['a','b']}", '1,2'],
  ['{.spec.ports[0:1]}', '80'],
])('the path %s prints %s', (path, cell) => {
  expect(new ColumnsPrinter(`X:${path}`).format(web, { headers: false })).toBe(`${cell}\n`)
})

test('control characters do not reach the terminal', () => {
  expect(new ColumnsPrinter('X:x').format({ x: '\x1b[31mred\r' }, { headers: false })).toBe('^[[31mred\\r\n')
})

test('headers come once, and later lines stay in line with those before', () => {
  const printer = new ColumnsPrinter('NAME:.metadata.name,N:.n')
  printer.format(web, shown)
  expect(printer.format(db, shown)).toBe('db       <none>\n')
})

test.each(['NAME', ':.a', 'NAME:', 'A:.a,B'])('%s is no list of columns', (spec) => {
  expect(() => new ColumnsPrinter(spec)).toThrow(/custom-columns: ".*" has to be <header>:<path>/)
})
