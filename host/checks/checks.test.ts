import { expect, test } from 'vitest'
import { type KernelFeature, kernelFeatures } from '../../cni/linux/kernel-features.ts'
import type { HostWish } from './check.ts'
import { checkHost } from './checks.ts'
import type { HostFacts } from './facts.ts'
import { formatResults, summarize } from './report.ts'

/** A host on which nothing is amiss. */
const facts: HostFacts = {
  isRoot: true,
  hasSystemd: true,
  packages: 'apt-get',
  kernelRelease: '6.1.0',
  kernelFeatures: new Set(kernelFeatures),
  missingPrograms: [],
  cgroups: { version: 2, controllers: ['cpu', 'memory', 'pids'] },
  docker: {
    isInstalled: true,
    version: '20.10.24+dfsg1',
    cgroupDriver: 'systemd',
    storageDriver: 'overlay2',
    liveRestore: true,
    isRootless: false,
  },
  listeners: [{ protocol: 'tcp', address: '*', port: 22 }],
  clock: { nowMs: Date.UTC(2027, 0, 1), isSynchronised: true },
  sysctls: new Map([['net.ipv4.ip_forward', '1']]),
  firewalls: [],
  swapBytes: 0,
  hostName: 'one',
  memoryBytes: 4 * 2 ** 30,
  cpus: 2,
  diskFreeBytes: 20 * 2 ** 30,
  addresses: [{ dev: 'eth0', address: '192.0.2.10', prefix: 24 }],
  routes: [{ range: '192.0.2.0/24', dev: 'eth0' }],
  dropsForeignRoutes: false,
  ownAddress: '192.0.2.10',
  leftovers: [],
  unread: [],
  strangers: [],
  units: [],
}

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

const without = (feature: KernelFeature) => new Set(kernelFeatures.filter((each) => each !== feature))
/** "state name" of what is not ok. */
const amiss = (changes: Partial<HostFacts>, wishes: Partial<HostWish> = {}) =>
  checkHost({ ...facts, ...changes }, { ...wish, ...wishes })
    .filter(({ state }) => state !== 'ok')
    .map(({ state, name }) => `${state} ${name}`)

test('a host that has everything passes', () => {
  expect(amiss({})).toEqual([])
})

test.each<[string, Partial<HostFacts>, Partial<HostWish>, string[]]>([
  ['a user without rights', { isRoot: false }, {}, ['failed rights']],
  ['no systemd', { hasSystemd: false }, {}, ['failed systemd']],
  ['a kernel without bridges', { kernelFeatures: without('bridge') }, {}, ['failed kernel: bridge']],
  ['no IPVS where nobody wants it', { kernelFeatures: without('ip_vs') }, {}, []],
  ['no IPVS where it is wanted', { kernelFeatures: without('ip_vs') }, { proxyMode: 'ipvs' }, ['failed kernel: ip_vs']],
  ['no VXLAN for tunnels', { kernelFeatures: without('vxlan') }, { network: 'vxlan' }, ['failed kernel: vxlan']],
  ['no WireGuard', { kernelFeatures: without('wireguard') }, { network: 'wireguard' }, ['failed kernel: wireguard']],
  ['no dummy links', { kernelFeatures: without('dummy') }, { proxyMode: 'ipvs' }, ['failed kernel: dummy']],
  ['no wg, in another network', { missingPrograms: ['wg'] }, {}, []],
  ['no wg for its tunnels', { missingPrograms: ['wg'] }, { network: 'wireguard' }, ['failed programs']],
  ['no nft', { missingPrograms: ['nft'] }, {}, ['failed programs']],
  ['no ipvsadm, in another mode', { missingPrograms: ['ipvsadm'] }, {}, []],
  ['no tcpdump', { missingPrograms: ['tcpdump'] }, {}, ['warning programs']],
  ['no cgroups', { cgroups: { version: undefined, controllers: [] } }, {}, ['failed cgroups']],
  ['no memory controller', { cgroups: { version: 2, controllers: ['cpu', 'pids'] } }, {}, ['failed cgroups']],
  ['cgroup v1', { cgroups: { version: 1, controllers: ['cpu', 'memory', 'pids'] } }, {}, []],
  ['no Docker', { docker: { isInstalled: false, problem: 'no socket' } }, {}, ['failed docker']],
  ['no Docker on a control plane alone', { docker: { isInstalled: false, problem: '-' } }, { isNode: false }, []],
  ['a Docker that is too old', { docker: { ...facts.docker, version: '19.03.15' } }, {}, ['failed docker']],
  ['a Docker without root', { docker: { ...facts.docker, isRootless: true } }, {}, ['failed docker: rootless']],
  ['no live-restore', { docker: { ...facts.docker, liveRestore: false } }, {}, ['warning docker: restarts']],
  ['a taken port', { listeners: [{ protocol: 'tcp', address: '*', port: 10250 }] }, {}, ['failed port 10250']],
  ['a port of UDP', { listeners: [{ protocol: 'udp', address: '*', port: 10250 }] }, {}, []],
  ['a clock of 1970', { clock: { nowMs: 0, isSynchronised: true } }, {}, ['failed clock']],
  ['a clock of its own', { clock: { ...facts.clock, isSynchronised: false } }, {}, ['warning clock']],
  ['swap', { swapBytes: 2 ** 30 }, {}, ['warning swap']],
  ['hardly any memory', { memoryBytes: 2 ** 28 }, {}, ['failed memory']],
  ['a full disk', { diskFreeBytes: 2 ** 20 }, {}, ['failed disk']],
  ['an address of another host', {}, { addresses: ['192.0.2.99'] }, ['failed address']],
  ['a second address of another host', {}, { addresses: ['192.0.2.10', '2001:db8::9'] }, ['failed address']],
  ['no address', { addresses: [], routes: [] }, { addresses: [] }, ['failed address']],
  ["a network within the pods'", { routes: [{ range: '10.244.3.0/24', dev: 'br-1' }] }, {}, ['failed ranges']],
  ['a networkd that drops routes', { dropsForeignRoutes: true }, {}, ['warning networkd']],
  ['such a networkd, without pods', { dropsForeignRoutes: true }, { isNode: false }, []],
  ['a name that is none', {}, { nodeName: 'My_Host' }, ['failed name']],
  ['the name of every host', {}, { nodeName: 'localhost' }, ['failed name']],
  ['an earlier installation', { leftovers: ['link cbr0'] }, {}, ['failed leftovers']],
  ['sets that the kernel cannot tell', { unread: ['sets (ipset save: no)'] }, {}, ['warning leftovers']],
  ['another cluster', { strangers: ['/etc/rancher/k3s'] }, {}, ['failed other clusters']],
])('%s', (_, changes, wishes, expected) => {
  expect(amiss(changes, wishes)).toEqual(expected)
})

test('of a firewall exactly the rules that it lacks are named', () => {
  const ufw = { name: 'ufw' as const, allowed: ['6443/tcp   ALLOW   Anywhere', 'Anywhere   ALLOW   10.244.0.0/16'] }
  const [result] = checkHost({ ...facts, firewalls: [ufw] }, wish).filter(({ name }) => name === 'firewall: ufw')
  expect(result?.mend).toBe('ufw allow 10250/tcp; ufw allow 10256/tcp')
})

test('what is missing is installed by one line', () => {
  const [result] = checkHost({ ...facts, packages: 'dnf', missingPrograms: ['nft', 'conntrack', 'tc'] }, wish).filter(
    ({ name }) => name === 'programs',
  )
  expect(result?.mend).toBe('dnf install nftables conntrack-tools iproute-tc')
})

test('the table says below a line how to mend it', () => {
  const results = [
    { name: 'swap', state: 'warning' as const, found: '1 GiB', mend: 'swapoff -a' },
    { name: 'rights', state: 'ok' as const, found: 'root' },
  ]
  expect(formatResults(results)).toBe('warning  swap    1 GiB\n                 -> swapoff -a\nok       rights  root\n')
  expect(summarize(results)).toBe('1 ok, 1 warnings, 0 failed')
})
