import { expect, test } from 'vitest'
import { parseEnd } from './end-words.ts'

test.each([
  ['pod/web', { kind: 'pod', name: 'web' }],
  ['po/web.shop:8080', { kind: 'pod', name: 'web', namespace: 'shop', portText: '8080' }],
  ['shop/web', { kind: 'pod', name: 'web', namespace: 'shop' }],
  ['shop/web.v2', { kind: 'pod', name: 'web.v2', namespace: 'shop' }],
  ['svc/web.shop:https', { kind: 'service', name: 'web', namespace: 'shop', portText: 'https' }],
  ['node/node-1.example.org:30080', { kind: 'node', name: 'node-1.example.org', portText: '30080' }],
  ['outside', { kind: 'outside' }],
  ['outside/192.0.2.9', { kind: 'outside', address: '192.0.2.9' }],
  ['constructor/web', { kind: 'pod', name: 'web', namespace: 'constructor' }],
  ['10.0.0.1', { kind: 'address', address: '10.0.0.1' }],
  ['10.0.0.1:80', { kind: 'address', address: '10.0.0.1', port: 80 }],
  ['fd00::1', { kind: 'address', address: 'fd00::1' }],
  ['[fd00::1]:80', { kind: 'address', address: 'fd00::1', port: 80 }],
])('%s is read', (word, expected) => {
  expect(parseEnd(word)).toEqual(expected)
})

test.each([
  ...['', 'web', 'pod/', '10.0.0.0/8', 'svc/:80', 'svc/web:', 'pod/web:65536', 'svc/web:0', 'node/n1:http', 'node/n1:'],
  ...['outside/', 'outside/garbage', 'outside/10.0.0.0/8', 'outside/10.0.0.1:80', '10.0.0.1:65536', '[fd00::1]:0'],
])('"%s" is refused with what may be written', (word) => {
  expect(() => parseEnd(word)).toThrow(`cannot read "${word}": write pod/NAME`)
})
