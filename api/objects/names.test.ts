import { expect, test } from 'vitest'
import {
  whyNotConfigKey,
  whyNotDns1035Label,
  whyNotDnsLabel,
  whyNotDnsSubdomain,
  whyNotEnvName,
  whyNotLabelValue,
  whyNotPathSegment,
  whyNotPortName,
  whyNotQualifiedName,
} from './names.ts'

const cases: [(text: string) => string | undefined, string[], string[]][] = [
  [whyNotDnsLabel, ['a', '0-a', 'a'.repeat(63)], ['', 'A', '-a', 'a.b', 'a'.repeat(64), 'a\n']],
  [whyNotDnsSubdomain, ['a.b-c.1', 'a'.repeat(253)], ['', 'a..b', 'a_b', '.a', 'a'.repeat(254)]],
  [whyNotDns1035Label, ['web-1'], ['1web', 'Web', '']],
  [whyNotQualifiedName, ['a', 'example.com/A_b.c', 'a'.repeat(63)], ['', '/a', 'a/', 'a/b/c', 'Ex.com/a', '_a']],
  [whyNotLabelValue, ['', 'a', 'A.b_c-1'], ['-a', 'a b', 'a'.repeat(64)]],
  [whyNotEnvName, ['A', 'a.b-c', '1 2'], ['', 'A=B', 'ä']],
  [whyNotPortName, ['http', 'a-1'], ['', '80', 'HTTP', 'a--b', '-a', 'a'.repeat(16)]],
  [whyNotConfigKey, ['a.conf', '.hidden'], ['', '..', '..data', 'a/b']],
  [whyNotPathSegment, ['system:node'], ['.', 'a/b', 'a%']],
]

test.each(cases)('%o tells good names from bad ones', (whyNot, good, bad) => {
  expect(good.filter((text) => whyNot(text) !== undefined)).toEqual([])
  expect(bad.filter((text) => whyNot(text) === undefined)).toEqual([])
})

test('the reason quotes the rule in the words kubectl users know', () => {
  expect(whyNotDnsLabel('A')).toBe(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  )
})
