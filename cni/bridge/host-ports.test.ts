import { expect, test } from 'vitest'
import { parsePortMappings, planHostPorts } from './host-ports.ts'

const keysFor = (hostIP: unknown) =>
  planHostPorts(
    parsePortMappings([{ hostPort: 80, containerPort: 8080, protocol: 'tcp', hostIP }]),
    ['10.244.1.2', 'fd00:244:1::2'],
    'pod default/web',
  ).flatMap(({ map, key, target }) => (target === '' ? [] : [`${map} ${key}`]))

test.each([
  ['192.0.2.1', ['one4 192.0.2.1 . tcp . 80']],
  ['::ffff:192.0.2.1', ['one4 192.0.2.1 . tcp . 80']],
  ['2001:DB8:0::1', ['one6 2001:db8::1 . tcp . 80']],
  ['0.0.0.0', ['any4 tcp . 80', 'any6 tcp . 80']],
  ['0::0', ['any4 tcp . 80', 'any6 tcp . 80']],
  ['', ['any4 tcp . 80', 'any6 tcp . 80']],
  [undefined, ['any4 tcp . 80', 'any6 tcp . 80']],
])('a port of %s is an element in the form in which nft prints it', (hostIP, keys) => {
  expect(keysFor(hostIP)).toEqual(keys)
})

test.each(['localhost', 'fe80::1%eth0', '192.0.2.1 . tcp . 1 : 10.0.0.1 . 1 }\nflush ruleset\n', 7])(
  'a host address that is none is refused before nft reads it: %j',
  (hostIP) => {
    expect(() => keysFor(hostIP)).toThrow('hostIP must be an IP address')
  },
)
