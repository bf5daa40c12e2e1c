import { expect, test } from 'vitest'
import {
  chooseAddress,
  type HostAddress,
  type LinkAddress,
  movedAddress,
  parseDefaultDevs,
  parsePassing,
} from './host-address.ts'

const on = (dev: string, address: string, prefix = address.includes(':') ? 64 : 24): LinkAddress => ({
  dev,
  address,
  prefix,
})
const docker = on('docker0', '172.17.0.1', 16)
const pods = on('cbr0', '10.244.0.1')
const lan = on('eth1', '192.0.2.7')
const four = on('eth0', '198.51.100.7')
const six = on('eth0', '2001:db8::7')

test.each<[string, LinkAddress[], string[], string | undefined]>([
  ['of the link of the default route, IPv4 first', [docker, lan, six, four], ['eth0'], four.address],
  ['of the first of two such links', [lan, four], ['eth1', 'eth0'], lan.address],
  ['of the second when the first has none', [four], ['tun0', 'eth0'], four.address],
  ['IPv6 where that link has no other', [lan, six], ['eth0'], six.address],
  ["of any link, but a container's bridge, without a default route", [docker, pods, lan], [], lan.address],
  ["none of a container's bridge", [docker, pods], [], undefined],
  [
    "that of a network, not a load balancer's before it",
    [on('eth0', '198.51.100.200', 32), four],
    ['eth0'],
    four.address,
  ],
  ['a single one, as clouds give', [on('eth0', '10.0.0.5', 32)], ['eth0'], '10.0.0.5'],
])('the address of a host is %s', (_, addresses, defaultDevs, expected) => {
  expect(chooseAddress({ addresses, defaultDevs })?.address).toBe(expected)
})

const known: HostAddress = { ...four, isOfDefaultRoute: true }
const next = on('eth0', '198.51.100.8')
const atBoot: HostAddress = { ...lan, isOfDefaultRoute: false }

test.each<[string, HostAddress, LinkAddress[], string[], string | undefined]>([
  ['moves with a new lease', known, [lan, next], ['eth0'], next.address],
  ['moves with a new lease on a link without a default route', atBoot, [on('eth1', '192.0.2.8')], [], '192.0.2.8'],
  ['moves on its own link, though another would be chosen at start', known, [lan, next], [], next.address],
  ['stays while its link has only IPv6 left', known, [six], ['eth0'], undefined],
  ['moves to IPv4 when that comes later', { ...six, isOfDefaultRoute: true }, [six, four], ['eth0'], four.address],
  ['stays while it has the old one too', known, [next, four], ['eth0'], undefined],
  ['stays when another link becomes the better one', known, [lan, four], ['eth1', 'eth0'], undefined],
  ['stays while its link has lost all, whatever others have', known, [docker, lan], [], undefined],
  ["stays while its link has only a load balancer's", known, [on('eth0', '198.51.100.200', 32)], ['eth0'], undefined],
  ['moves to another link with the default route', known, [lan], ['eth1'], lan.address],
  ['moves from one that was chosen before there was a default route', atBoot, [lan, four], ['eth0'], four.address],
  [
    'stays on a link that got its default route later, whatever route is better',
    atBoot,
    [lan, four],
    ['eth0', 'eth1'],
    undefined,
  ],
])('a host %s', (_, before, addresses, defaultDevs, expected) => {
  expect(movedAddress(before, { addresses, defaultDevs })?.address).toBe(expected)
})

const route = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0102A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
tun0	00000000	00000000	0001	0	0	0	00000080	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
const any = '0'.repeat(32)
const route6 = `${any} 00 ${any} 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth2
${any} 00 ${any} 00 ${any} ffffffff 00000001 00000000 00200200       lo
`

test('default routes are read by metric; half of all addresses is no default route, and neither is a refusal', () => {
  expect(parseDefaultDevs(route, route6)).toEqual(['eth0', 'wlan0', 'eth2'])
  expect(parseDefaultDevs('', '')).toEqual([])
})

test('addresses of privacy extensions and deprecated ones are known', () => {
  const text = `20010db8000000000000000000000007 02 40 00 80     eth0
20010db8000000001234567890abcdef 02 40 00 01     eth0
20010db8000000000000000000000009 02 40 00 a0     eth0
`
  expect(parsePassing(text)).toEqual([
    '2001:0db8:0000:0000:1234:5678:90ab:cdef',
    '2001:0db8:0000:0000:0000:0000:0000:0009',
  ])
})
