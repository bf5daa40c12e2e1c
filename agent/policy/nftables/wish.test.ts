import { expect, test } from 'vitest'
import { isEmptyEdit } from './content.ts'
import { toScript } from './script.ts'
import { type Claim, type Part, Wish } from './wish.ts'

const part = (over: Partial<Part> = {}): Part => ({
  owner: 'NetworkPolicy default/web',
  chains: new Map(),
  declared: new Map(),
  elements: [],
  ...over,
})
const set = (name: string): Part['declared'] => new Map([[name, ['set', 'type ipv4_addr']]])
const member = (ip: string): Claim => ['peers-4-a', ip, '']

test('an edit is what changed since the last one, and nothing else', () => {
  const wish = new Wish()
  wish.replace('a', part({ chains: new Map([['policy/a', ['accept']]]), declared: set('peers-4-a') }))
  wish.replace('b', part({ chains: new Map([['policy/b', ['accept']]]) }))
  wish.takeEdit()
  wish.replace('b', part({ chains: new Map([['policy/b', ['drop']]]) }))
  const edit = wish.takeEdit()
  expect(edit.chains).toEqual(new Map([['policy/b', ['drop']]]))
  expect(edit.declared.size + edit.elements.size).toBe(0)
  expect(isEmptyEdit(wish.takeEdit())).toBe(true)
})

test('what is changed and changed back needs no edit', () => {
  const wish = new Wish()
  const before = part({ chains: new Map([['policy/a', ['accept']]]), elements: [member('10.0.0.1')] })
  wish.replace('a', before)
  wish.takeEdit()
  wish.replace('a', undefined)
  wish.replace('a', before)
  expect(isEmptyEdit(wish.takeEdit())).toBe(true)
})

test('a set and an element that two want stay until both are gone', () => {
  const wish = new Wish()
  const both = part({ declared: set('peers-4-a'), elements: [member('10.0.0.1')] })
  wish.replace('a', both)
  wish.replace('b', both)
  wish.takeEdit()
  wish.replace('a', undefined)
  expect(isEmptyEdit(wish.takeEdit())).toBe(true)
  wish.replace('b', undefined)
  expect(wish.takeEdit().declared).toEqual(new Map([['peers-4-a', undefined]]))
})

test('of two pods that claim one address the last to come has it, until it goes', () => {
  const wish = new Wish()
  const claim = (chain: string) => part({ elements: [['ingress-4', '10.0.0.1', `goto ${chain}`]] })
  const verdict = () => wish.content.elements.get('ingress-4')?.get('10.0.0.1')
  wish.replace('a', claim('pod/a'))
  wish.replace('b', claim('pod/b'))
  expect(verdict()).toBe('goto pod/b')
  wish.replace('b', undefined)
  expect(verdict()).toBe('goto pod/a')
})

test('a script makes what is referred to before the reference, and removes it after', () => {
  const wish = new Wish()
  wish.replace(
    'old',
    part({
      chains: new Map([['policy/old', ['ct original ip saddr @peers-4-old accept']]]),
      declared: set('peers-4-old'),
    }),
  )
  wish.takeEdit()
  wish.replace('old', undefined)
  wish.replace(
    'new',
    part({
      chains: new Map([['policy/new', ['ct original ip saddr @peers-4-new accept']]]),
      declared: set('peers-4-new'),
      elements: [['peers-4-new', '10.0.0.1', '']],
    }),
  )
  const lines = toScript(wish.takeEdit())
    .trim()
    .split('\n')
    .map((line) => line.replace('inet fairlead-policy', 'T'))
  expect(lines).toEqual([
    'add table T',
    'add set T peers-4-new { type ipv4_addr; }',
    'add chain T policy/new',
    'flush chain T policy/new',
    'flush chain T policy/old',
    'add rule T policy/new ct original ip saddr @peers-4-new accept',
    'add element T peers-4-new { 10.0.0.1 }',
    'delete chain T policy/old',
    'delete set T peers-4-old',
  ])
})
