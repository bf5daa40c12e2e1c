import { expect, test } from 'vitest'
import { type NftObject, planRemoval } from './hook-chains.ts'

const table = (name: string, family = 'ip'): NftObject => ({ kind: 'table', family, table: name, name })
const chain = (name: string, { of = 'filter', policy = 'accept', hook = name.toLowerCase() } = {}): NftObject => ({
  ...{ kind: 'chain', family: 'ip', table: of, name },
  ...(hook !== '' && { hook, policy }),
})
const rule = (of: string): NftObject => ({ kind: 'rule', family: 'ip', table: 'filter', name: '', chain: of })

const cases: [string, NftObject[], string[], string[]][] = [
  ['a table that was made since goes with its empty chains', [table('filter'), chain('INPUT')], [], ['INPUT', '']],
  ['what was there before stays', [table('filter'), chain('INPUT')], ['ip filter', 'ip filter INPUT'], []],
  ['a chain with a rule stays, and its table', [table('filter'), chain('INPUT'), rule('INPUT')], [], []],
  ['a chain that drops stays, and its table', [table('filter'), chain('INPUT', { policy: 'drop' })], [], []],
  ["a user's own empty chain of a hook stays", [table('filter'), chain('input')], [], []],
  ['so does one beside those of iptables', [table('filter'), chain('INPUT'), chain('input')], [], ['INPUT']],
  ['a chain without a hook keeps its table', [table('filter'), chain('DOCKER', { hook: '' })], [], []],
  ['tables that iptables does not have stay', [table('users'), chain('INPUT', { of: 'users' })], [], []],
  ['tables of other families stay', [table('filter', 'inet')], [], []],
]

test.for(cases)('%s', ([, objects, before, removed]) => {
  const lines = removed.map((name) => (name === '' ? 'delete table ip filter\n' : `delete chain ip filter ${name}\n`))
  expect(planRemoval(objects, before)).toBe(lines.join(''))
})
