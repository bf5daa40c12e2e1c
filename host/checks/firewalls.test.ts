import { expect, test } from 'vitest'
import type { HostWish } from './check.ts'
import type { HostFacts } from './facts.ts'
import { parseZones } from './firewall-facts.ts'
import { checkFirewalls } from './firewalls.ts'

const wish: HostWish = {
  isServer: true,
  isNode: true,
  nodeName: 'one',
  addresses: ['192.0.2.10'],
  port: 6443,
  proxyMode: 'iptables',
  network: 'host-gw',
  clusterCidrs: ['10.244.0.0/16'],
  serviceCidrs: ['10.96.0.0/16'],
}
const addresses = [
  { dev: 'eth0', address: '192.0.2.10', prefix: 24 },
  { dev: 'eth1', address: '198.51.100.10', prefix: 24 },
]
const mendOf = (firewall: HostFacts['firewalls'][number], wishes: Partial<HostWish> = {}) => {
  const facts = { firewalls: [firewall], addresses } as unknown as HostFacts
  return checkFirewalls(facts, { ...wish, ...wishes }).map(({ mend }) => mend?.split('; '))[0]
}

test('of ufw exactly the rules that it lacks are named', () => {
  const allowed = ['6443/tcp   ALLOW   Anywhere', 'Anywhere   ALLOW   10.244.0.0/16']
  expect(mendOf({ name: 'ufw', allowed })).toEqual(['ufw allow 10250/tcp', 'ufw allow 10256/tcp'])
})

/** firewalld's listing of these zones. */
const format = (zones: Record<string, Record<string, string>>) =>
  Object.entries(zones)
    .map(([title, fields]) => [title, ...Object.entries(fields).map(([field, text]) => `  ${field}: ${text}`), ''])
    .map((lines) => lines.join('\n'))
    .join('\n')

const docker = { target: 'ACCEPT', interfaces: 'docker0', sources: '' }
const trusted = { target: 'ACCEPT', interfaces: '', sources: '10.244.0.0/16' }
const open = '6443/tcp 10250-10256/tcp'
const allClosed = ['6443/tcp', '10250/tcp', '10256/tcp']

// Debian 12's firewalld says no more of a default zone whose links nobody has put there by name.
test.each<[string, Record<string, Record<string, string>>, string[], string]>([
  ['the default zone lets them in', { public: { ports: open } }, [], ''],
  ['the default zone is closed', { public: { ports: '' } }, allClosed, 'public'],
  ['ports of the host itself alone', { public: { 'forward-ports': '', 'source-ports': open } }, allClosed, 'public'],
  [
    'of another zone, which has the link, the default one says nothing',
    { public: { ports: open }, 'internal (active)': { interfaces: 'eth0', ports: '6443/tcp' } },
    ['10250/tcp', '10256/tcp'],
    'internal',
  ],
  [
    'links that the host is not reached by may be in a closed zone',
    { 'public (default, active)': { interfaces: 'eth1', ports: '' }, internal: { interfaces: 'eth+', ports: open } },
    [],
    '',
  ],
  ['a zone that accepts all', { public: { target: 'ACCEPT', interfaces: 'eth0' } }, [], ''],
  [
    "a zone of the network's addresses comes before that of the link",
    { public: { interfaces: 'eth0', ports: open }, 'work (active)': { sources: '192.0.2.0/24', ports: '' } },
    allClosed,
    'work',
  ],
  [
    'a zone of some addresses of the network does not',
    { public: { interfaces: 'eth0', ports: open }, 'work (active)': { sources: '192.0.2.0/28', ports: '' } },
    [],
    '',
  ],
])('firewalld: %s', (_, zones, missing, zone) => {
  const listing = format({ 'docker (active)': docker, ...zones, 'trusted (active)': trusted })
  const commands = missing.map((port) => `firewall-cmd --permanent --zone=${zone} --add-port=${port}`)
  const expected = missing.length === 0 ? undefined : [...commands, 'firewall-cmd --reload']
  expect(mendOf({ name: 'firewalld', zones: parseZones(listing, 'public') })).toEqual(expected)
})

test('each zone that the host is reached through has to let the ports in', () => {
  const listing = format({ public: { ports: open }, internal: { interfaces: 'eth1', ports: '' }, trusted })
  const mend = mendOf(
    { name: 'firewalld', zones: parseZones(listing, 'public') },
    { addresses: ['192.0.2.10', '198.51.100.10'], isNode: false },
  )
  expect(mend).toEqual(['firewall-cmd --permanent --zone=internal --add-port=6443/tcp', 'firewall-cmd --reload'])
})

test('after the commands that it names firewalld keeps nothing out', () => {
  const zones: Record<string, Record<string, string>> = {
    public: { interfaces: '', sources: '', ports: '' },
    trusted: { target: 'ACCEPT', sources: '' },
  }
  const look = () => mendOf({ name: 'firewalld', zones: parseZones(format(zones), 'public') })
  for (const command of look() ?? []) {
    const [, zone = '', kind, value] = /--zone=(\w+) --add-(port|source)=(\S+)/.exec(command) ?? []
    const fields = zones[zone]
    if (fields !== undefined) fields[`${kind}s`] = `${fields[`${kind}s`]} ${value}`.trim()
  }
  expect(zones).toMatchObject({ public: { ports: allClosed.join(' ') }, trusted: { sources: '10.244.0.0/16' } })
  expect(look()).toBeUndefined()
})
