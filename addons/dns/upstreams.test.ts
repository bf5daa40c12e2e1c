import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAddress, parseStub, readResolvConf } from './upstreams.ts'

test('an address has port 53 unless it says otherwise', () => {
  expect(parseAddress('192.0.2.53')).toEqual({ host: '192.0.2.53', port: 53 })
  expect(parseAddress('192.0.2.53:5353')).toEqual({ host: '192.0.2.53', port: 5353 })
  expect(parseAddress('2001:db8::53')).toEqual({ host: '2001:db8::53', port: 53 })
  expect(parseAddress('[2001:db8::53]:5353')).toEqual({ host: '2001:db8::53', port: 5353 })
})

test('what is wrong with an address is said', () => {
  expect(() => parseAddress('dns.example')).toThrow('"dns.example" is no IP address')
  expect(() => parseAddress('192.0.2.53:70000')).toThrow('the port must be from 1 to 65535')
  expect(() => parseStub('corp.example')).toThrow('write ZONE=ADDRESS')
  expect(() => parseStub('.=192.0.2.60')).toThrow('those of --upstream')
})

test('a stub names a zone and its servers', () => {
  expect(parseStub('Corp.Example.=192.0.2.60,192.0.2.61:5353')).toEqual({
    zone: 'corp.example',
    addresses: [
      { host: '192.0.2.60', port: 53 },
      { host: '192.0.2.61', port: 5353 },
    ],
  })
})

test('a resolv.conf gives its servers, and nothing of its comments', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-resolv-'))
  const file = join(directory, 'resolv.conf')
  writeFileSync(file, '# nameserver 192.0.2.1\nsearch a.example\nnameserver 192.0.2.53\n nameserver 2001:db8::53\n')
  expect(readResolvConf(file)).toEqual([
    { host: '192.0.2.53', port: 53 },
    { host: '2001:db8::53', port: 53 },
  ])
  rmSync(directory, { recursive: true })
})
