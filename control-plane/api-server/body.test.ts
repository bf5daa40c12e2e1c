import { describe, expect, test } from 'vitest'
import { parseBody } from './body.ts'
import { anonymous } from './exchange.ts'

function parseYaml(text: string) {
  const headers = { 'content-type': 'application/yaml' }
  const url = new URL('https://api/')
  const signal = AbortSignal.timeout(60_000)
  return parseBody({ method: 'POST', url, headers, body: Buffer.from(text), user: anonymous, signal })
}

describe('YAML', () => {
  test('is read, with aliases, and so is JSON that is called YAML', () => {
    expect(parseYaml('a: &a {x: 1}\nb: *a').value).toEqual({ a: { x: 1 }, b: { x: 1 } })
    expect(parseYaml('{"a": {"b": 1, "b": 2}}')).toEqual({ value: { a: { b: 2 } }, duplicates: ['a.b'] })
    expect(parseYaml('{a: 1}').value).toEqual({ a: 1 })
  })

  test.each([
    ['a: 1\na: 2', 'Map keys must be unique'],
    ['a: {b: 1, b: 2}', 'Map keys must be unique'],
    ['a: [', 'not valid YAML'],
    ['a: 1\n---\nb: 1', 'multiple documents'],
    ['a: *none', 'not valid YAML'],
    ['['.repeat(100_000), 'not valid YAML'],
    [`a: &a x\nb: [${'*a,'.repeat(101)}]`, 'more than 100 aliases'],
  ])('that is wrong is refused: %.20s', (text, why) => {
    expect(() => parseYaml(text)).toThrow(why)
  })

  test('of many keys takes a time that grows with their number, not with its square', () => {
    const time = (count: number) => {
      const text = Array.from({ length: count }, (_, index) => `k${index}: 1`).join('\n')
      const start = performance.now()
      parseYaml(text)
      return performance.now() - start
    }
    time(2_000) // what is slow the first time alone
    expect(time(40_000)).toBeLessThan(Math.max(100, time(4_000)) * 40)
  })
})
