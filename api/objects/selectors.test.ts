import { describe, expect, test } from 'vitest'
import { parseFieldSelector } from './field-selectors.ts'
import { parseLabelSelector, selectorOfLabels, toSelector } from './selectors.ts'
import { StatusError } from './status-error.ts'

const labels = { app: 'web', tier: 'front', 'example.com/size': '3' }

test.each([
  ['', true],
  ['app=web', true],
  ['app==web,tier=front', true],
  ['app = web', true],
  ['app!=web', false],
  ['other!=x', true],
  ['app in (web, db)', true],
  ['app in (db)', false],
  ['app notin (db),tier', true],
  ['missing notin (a)', true],
  ['!missing', true],
  ['!app', false],
  ['example.com/size>2', true],
  ['example.com/size<3', false],
  ['app=', false],
  ['toString', false],
])('%j on the sample labels is %s', (text, expected) => {
  expect(parseLabelSelector(text).matches(labels)).toBe(expected)
})

test.each(['=', 'a b', 'app in web', 'app in (a', ',', 'a=b=c', 'app=-x-', 'in (a)', 'bad key=x'])(
  '%j is a bad request',
  (text) => {
    expect(() => parseLabelSelector(text)).toThrow(StatusError)
  },
)

test('the text of a selector is sorted by key and reads back as the same selector', () => {
  const text = parseLabelSelector('tier notin (b,a),app == web,!old,x').toString()
  expect(text).toBe('app=web,!old,tier notin (a,b),x')
  expect(parseLabelSelector(text).toString()).toBe(text)
})

describe('the object form', () => {
  test('labels and expressions must all hold', () => {
    const selector = toSelector({
      matchLabels: { app: 'web' },
      matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }],
    })
    expect(selector.matches(labels)).toBe(true)
    expect(selector.matches({ app: 'web', tier: 'back' })).toBe(false)
    expect(selector.toString()).toBe('app=web,tier!=back')
  })

  test('no selector matches nothing, an empty one everything', () => {
    expect(toSelector(undefined).matches(labels)).toBe(false)
    expect(toSelector({}).matches(undefined)).toBe(true)
  })

  test('a service selector asks for all of its labels', () => {
    expect(selectorOfLabels({ app: 'web', tier: 'back' }).matches(labels)).toBe(false)
  })
})

describe('field selectors', () => {
  test('equalities are listed with their operator', () => {
    expect(parseFieldSelector('spec.nodeName=node-1,status.phase!=Running,metadata.name==a')).toEqual([
      { path: 'spec.nodeName', op: '=', value: 'node-1' },
      { path: 'status.phase', op: '!=', value: 'Running' },
      { path: 'metadata.name', op: '=', value: 'a' },
    ])
  })

  test('escaped commas and equal signs belong to the value', () => {
    expect(parseFieldSelector('a=x\\,y\\=z')).toEqual([{ path: 'a', op: '=', value: 'x,y=z' }])
  })

  test('an empty text asks for nothing, and a bare word is refused', () => {
    expect(parseFieldSelector('')).toEqual([])
    expect(() => parseFieldSelector('status.phase')).toThrow("can't understand 'status.phase'")
  })
})
