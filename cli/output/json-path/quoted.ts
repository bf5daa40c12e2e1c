// Quoted text in templates, with the escapes of Go strings: https://go.dev/ref/spec#Rune_literals

import type { Scanner } from './scanner.ts'

const named: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** The text in the quotes that begin here, single or double. */
export function readQuoted(scanner: Scanner): string {
  const begin = scanner.at
  const text = scanner.takeMatch(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y)
  if (text === undefined) scanner.fail('this quote is not closed', begin)
  return text.slice(1, -1).replaceAll(/\\(x..|u.{4}|U.{8}|[0-7]{3}|.)/g, (written: string, body: string) => {
    return toCharacter(body) ?? scanner.fail(`unknown escape ${written}`, begin)
  })
}

function toCharacter(body: string): string | undefined {
  const first = body.charAt(0)
  if (/^[\\'"]$/.test(body)) return body
  if (body.length === 1) return named[body]
  const code = /^[0-7]/.test(first) ? Number.parseInt(body, 8) : toHex(body.slice(1))
  return code === undefined || code > 0x10ffff ? undefined : String.fromCodePoint(code)
}

const toHex = (digits: string) => (/^[0-9a-f]+$/i.test(digits) ? Number.parseInt(digits, 16) : undefined)
