import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { formatJson, formatYaml, parseManifests, readManifests } from './manifests.ts'

const folder = mkdtempSync(join(tmpdir(), 'fl-manifests-'))
afterAll(() => rmSync(folder, { recursive: true }))

const named = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`
const names = (path: string, options = {}) => readManifests([path], options).map(({ object }) => object.metadata?.name)

test('documents, empty ones, comments and Lists are unpacked', () => {
  const list = 'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: c}}\n'
  const text = `# first\n---\n${named('a')}---\n---\n${named('b')}---\n${list}`
  expect(parseManifests(text, 'x').map(({ object }) => object.metadata?.name)).toEqual(['a', 'b', 'c'])
})

test('JSON is read as well', () => {
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } })
  expect(parseManifests(text, 'x')).toHaveLength(1)
})

test('values are read as Kubernetes reads YAML: yes is true, 0644 is octal, times stay text', () => {
  const [manifest] = parseManifests(`${named('a')}data: {a: yes, b: 0644, c: 2026-01-01, d: "12:30", e: 12:30}\n`, 'x')
  expect(manifest?.object).toMatchObject({ data: { a: true, b: 420, c: '2026-01-01', d: '12:30', e: '12:30' } })
})

test('what is written is read back the same', () => {
  const value = {
    apiVersion: 'v1',
    kind: 'A',
    a: 'yes',
    b: 'multi\nline\n',
    c: '0644',
    d: '2026-01-01',
    e: [1, null],
    f: '12:30',
  }
  expect(parseManifests(formatYaml(value), 'x')[0]?.object).toEqual(value)
})

test.each([
  ['a: [', /error parsing x: .*line 1/s],
  ['just text', /error parsing x: expected an object/],
  ['kind: Pod', /error validating "x".*apiVersion not set/],
  ['apiVersion: v1', /error validating "x".*kind not set/],
])('%j is refused with the reason', (text, message) => {
  expect(() => parseManifests(text, 'x')).toThrow(message)
})

test('of a folder the manifests are read in order, those of folders in it when asked', () => {
  writeFileSync(join(folder, 'b.yaml'), named('b'))
  writeFileSync(join(folder, 'a.json'), '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}')
  writeFileSync(join(folder, 'notes.txt'), 'no manifest')
  mkdirSync(join(folder, 'inner'))
  writeFileSync(join(folder, 'inner', 'c.yml'), named('c'))
  expect(names(folder)).toEqual(['a', 'b'])
  expect(names(folder, { recursive: true })).toEqual(['a', 'b', 'c'])
  expect(() => names(join(folder, 'absent'))).toThrow(/absent" does not exist/)
})

test('fields are printed in order of their names, whatever order the server sends', () => {
  const value = { kind: 'A', apiVersion: 'v1', items: [{ b: 1, a: 2 }] }
  expect(formatYaml(value)).toBe('apiVersion: v1\nitems:\n  - a: 2\n    b: 1\nkind: A\n')
  expect(formatJson(value)).toMatch(/apiVersion.*items.*"a".*"b".*kind/s)
})
