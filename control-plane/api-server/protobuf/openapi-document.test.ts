import { expect, test } from 'vitest'
import { encodeDocument, type SchemaV2 } from './openapi-document.ts'

/** What follows swagger, info and the paths, of which there are none: the definitions. */
function definitionsOf(definitions: Record<string, SchemaV2>): string {
  const bytes = encodeDocument({ swagger: '2.0', info: { title: 't', version: 'v' }, paths: {}, definitions })
  const before = `0a03${hex('2.0')}1206${'0a01'}${hex('t')}${'1201'}${hex('v')}4200`
  expect(bytes.toString('hex').slice(0, before.length)).toBe(before)
  return bytes.toString('hex').slice(before.length)
}
const hex = (text: string) => Buffer.from(text).toString('hex')

test('a definition is a name and a schema, whose type is field 22', () => {
  expect(definitionsOf({ a: { type: 'string' } })).toBe(`4a120a100a01${hex('a')}120bb201080a06${hex('string')}`)
})

test('what is longer than 127 bytes has its length in two', () => {
  const description = 'x'.repeat(200)
  expect(definitionsOf({ a: { description } })).toBe(`4ad4010ad1010a01${hex('a')}12cb0122c801${hex(description)}`)
})

test('extensions are YAML', () => {
  const value = hex('["a"]')
  expect(definitionsOf({ a: { 'x-y': ['a'] } })).toBe(
    `4a180a160a01${hex('a')}1211fa010e0a03${hex('x-y')}12071205${value}`,
  )
})
