// What `fairlead reset` removes, keeps and says: with a real kernel and a real Docker, in a world of its own.

import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startDockerd, type TestDockerd } from '../support/docker.ts'
import { HostWorld } from '../support/host-world.ts'

let dockerd: TestDockerd
let host: HostWorld
beforeAll(async () => {
  dockerd = await startDockerd({ name: 'reset' })
  await dockerd.docker('image', 'import', '/dev/null', 'users:1')
})
afterAll(async () => await dockerd?.stop())

const root = join(import.meta.dirname, '../..')
const record = { sysctls: { 'net.ipv4.ip_forward': '0' }, folders: ['/opt/fl-test'], kept: [], images: [] }
const program = '/usr/local/bin/fairlead'
const startDocker = () => host.sh(`ln -s ${dockerd.socket} /run/docker.sock`)

/** A host as `init` leaves it, with Docker at rest. */
beforeEach(async () => {
  host = await HostWorld.create()
  await host.sh(`
    mkdir -p /var/lib/fairlead/agent /var/lib/fairlead/server /etc/fairlead /opt/cni/bin /opt/fl-test
    echo '${JSON.stringify(record)}' > /var/lib/fairlead/host.json
    touch ${program} ${program}.previous && ln -sf ${program} /opt/cni/bin/cbr
    sysctl -qw net.ipv4.ip_forward=1
    ip link add cbr0 type bridge`)
})
afterEach(async () => await host?.close())

const reset = () => host.fairlead('reset', '--yes')
const listFiles = async () =>
  (await host.sh(`ls -d /var/lib/fairlead /var/lib/fairlead/* /etc/fairlead /opt/fl-test ${program}* || true`)).split(
    '\n',
  )

test('while Docker is down the record and the program stay, and with it another reset finishes', async () => {
  await dockerd.docker('create', '--label', 'io.fairlead.attempt=0', '--name', 'pod', 'users:1', '/none')
  await dockerd.docker('image', 'import', '--change', 'LABEL io.fairlead.image=dns', '/dev/null')
  const first = await reset()
  expect(first).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Start it, and run reset again') })
  expect(await listFiles()).toEqual(expect.arrayContaining(['/var/lib/fairlead/host.json', program]))
  expect(await host.sh('ip -br link show type bridge')).toBe('')
  await startDocker()
  const second = await reset()
  expect(second).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing of Fairlead is left') })
  expect(await listFiles()).toEqual([''])
  expect(await host.sh('sysctl -n net.ipv4.ip_forward')).toBe('0')
  expect(await dockerd.docker('ps', '--all', '--quiet')).toBe('')
  expect(await dockerd.docker('image', 'ls', '--all', '--format', '{{.Repository}}:{{.Tag}}')).toBe('users:1')
})

test('nothing below a mount is removed', async () => {
  await startDocker()
  const disk = '/var/lib/fairlead/server/disk'
  await host.sh(`mkdir ${disk} && mount -t tmpfs tmpfs ${disk} && touch ${disk}/mine`)
  expect(await reset()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`still mounted: ${disk}`) })
  expect(await host.sh(`ls ${disk}`)).toBe('mine')
  await host.sh(`umount ${disk}`)
  expect(await reset()).toMatchObject({ exitCode: 0 })
})

test('beside another orchestrator what it has under the same names is left', async () => {
  await startDocker()
  await host.sh('mkdir /etc/rancher /etc/rancher/k3s; nft add table ip kube-proxy; nft add table inet fairlead-policy')
  const { exitCode, stderr } = await reset()
  expect(stderr).toContain('left: rules of Services: /etc/rancher/k3s uses the same names')
  expect([exitCode, await host.sh('nft list tables')]).toEqual([0, 'table ip kube-proxy'])
  expect(await host.sh('sysctl -n net.ipv4.ip_forward')).toBe('1')
})

test('without another orchestrator the same names are ours', async () => {
  await startDocker()
  await host.sh(
    'nft add table ip kube-proxy; iptables -t nat -N KUBE-NODEPORTS; iptables -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA',
  )
  const { exitCode } = await reset()
  expect([exitCode, await host.sh('nft list tables')]).toEqual([0, 'table ip nat'])
  expect(await host.sh('iptables-save')).not.toContain('KUBE-')
})

test('empty chains that iptables has got since go; those of others and those with rules stay', async () => {
  await startDocker()
  const chain = (name: string, hook: string) => `nft "add chain ${name} { type filter hook ${hook} priority 0; }"`
  const before = { ...record, hookChains: ['ip filter', 'ip filter INPUT'] }
  await host.sh(`
    echo '${JSON.stringify(before)}' > /var/lib/fairlead/host.json
    nft add table ip filter; nft add table ip6 filter; nft add table ip users
    ${chain('ip filter INPUT', 'input')}; ${chain('ip filter FORWARD', 'forward')}; ${chain('ip filter OUTPUT', 'output')}
    ${chain('ip6 filter FORWARD', 'forward')}; ${chain('ip users FORWARD', 'forward')}
    nft add rule ip filter OUTPUT drop`)
  expect(await reset()).toMatchObject({ exitCode: 0 })
  const chains = await host.sh(`nft list chains | sed -n 's/^table \\(.*\\) {/\\1/p; s/.*chain \\(.*\\) {/\\1/p'`)
  expect(chains.split('\n')).toEqual(['ip filter', 'INPUT', 'OUTPUT', 'ip users', 'FORWARD'])
})

test('addresses of load balancers leave every link, and those of others stay', async () => {
  await startDocker()
  await host.sh(`
    ip link add uplink0 type bridge
    ip address add 192.0.2.200/32 dev uplink0; ip address add 192.0.2.77/32 dev uplink0
    nft "add table inet fairlead-announce; add set inet fairlead-announce addresses4 { type ipv4_addr; };
         add element inet fairlead-announce addresses4 { 192.0.2.200 }"`)
  expect(await reset()).toMatchObject({ exitCode: 0 })
  expect(await host.sh('ip -4 -o address show dev uplink0')).toMatch(/192\.0\.2\.77/)
  expect(await host.sh('ip -o address')).not.toContain('192.0.2.200')
  expect(await host.sh('nft list tables')).toBe('')
})

test('a host without the programs of pods is set up as a control plane, and reset', async () => {
  await host.sh(`rm -rf /var/lib/fairlead /usr/sbin/{nft,tc,ipset,ipvsadm,sysctl,dockerd} /usr/sbin/*tables*`)
  await host.sh(`${process.execPath} -e "import('${root}/host/record.ts').then((all) => all.ensureRecord(['lo'], []))"`)
  expect(JSON.parse(await host.sh('cat /var/lib/fairlead/host.json'))).toMatchObject({ sysctls: {}, hookChains: [] })
  const { exitCode, stderr } = await reset()
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining('nothing of Fairlead is left')])
  expect(await host.sh('ip -br link show type bridge')).toBe('')
})

test('an agent that never had nft has left what it could write without', async () => {
  await startDocker()
  const plugin = {
    type: 'cbr',
    bridge: 'cbr0',
    ipam: { ranges: [[{ subnet: '10.244.0.0/24' }]], dataDir: '/var/lib/none' },
  }
  await host.sh(`
    rm -f /usr/sbin/nft; mkdir -p /etc/cni/net.d;
    echo '${JSON.stringify({ cniVersion: '1.1.0', name: 'fairlead', plugins: [plugin] })}' > /etc/cni/net.d/10-fairlead.conflist`)
  expect(await reset()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing of Fairlead is left') })
  expect(await host.sh('ls /etc/cni/net.d; ip -br link show type bridge')).not.toMatch(/fairlead|cbr0/)
})

test('a host whose nft does not work is written down without chains', async () => {
  await host.sh('rm -r /var/lib/fairlead')
  await host.replaceProgram('nft', 'echo "Protocol not supported" >&2; exit 1')
  await host.sh(`${process.execPath} -e "import('${root}/host/record.ts').then((all) => all.ensureRecord(['lo'], []))"`)
  expect(JSON.parse(await host.sh('cat /var/lib/fairlead/host.json'))).not.toHaveProperty('hookChains')
})

test('what processes that were killed while they wrote have left goes too', async () => {
  await startDocker()
  await host.sh('rm -r /var/lib/fairlead /etc/fairlead /opt/cni/bin/cbr /usr/local/bin/fairlead*')
  const files = [
    ...['/opt/cni/bin/cbr.new', '/etc/cni/net.d/10-fairlead.conflist.new', `${program}.new`],
    ...['server', 'agent'].map((name) => `/etc/systemd/system/fairlead-${name}.service.new`),
  ]
  await host.sh(`mkdir -p /etc/cni/net.d /etc/systemd/system && touch ${files.join(' ')}; ip link delete cbr0`)
  expect(await reset()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing of Fairlead is left') })
  expect(await host.sh(`ls ${files.join(' ')} 2>&1 | grep -v 'No such file' || true`)).toBe('')
})

test("a disk of the user's for our state is emptied and stays", async () => {
  await startDocker()
  await host.sh(`
    mount -t tmpfs tmpfs /var/lib/fairlead && mkdir /var/lib/fairlead/lost+found /var/lib/fairlead/agent
    echo '${JSON.stringify(record)}' > /var/lib/fairlead/host.json`)
  expect(await reset()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing of Fairlead is left') })
  expect(await host.sh('mountpoint /var/lib/fairlead && ls /var/lib/fairlead')).toMatch(/is a mountpoint\nlost\+found$/)
  expect(await reset()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing of Fairlead is on') })
})

test("a disk of the user's for the agent's state is not unmounted; volumes on it are", async () => {
  await startDocker()
  const disk = '/var/lib/fairlead/agent'
  await host.sh(`mount -t tmpfs tmpfs ${disk} && mkdir ${disk}/volume && mount -t tmpfs tmpfs ${disk}/volume`)
  expect(await reset()).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining(`still mounted: ${disk}. Unmount`),
  })
  expect(await host.sh(`mountpoint ${disk}; mountpoint ${disk}/volume || true`)).toMatch(/agent is a mountpoint\n.*not/)
})

test('Docker that stands still at another path is waited for; one that was uninstalled is not', async () => {
  await host.sh('rm /usr/sbin/dockerd; mkdir -p /var/lib/docker')
  await host.replaceProgram('systemctl', '[ "$2" = docker.service ] && echo LoadState=loaded; exit 0')
  expect(await reset()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Start it, and run reset again') })
  await host.replaceProgram('systemctl', 'echo LoadState=not-found')
  expect(await reset()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('nothing of Fairlead is left') })
})

test('what the kernel does not tell is said, and does not count', async () => {
  await startDocker()
  await host.replaceProgram('ipset', 'echo "Kernel error received: Invalid argument" >&2; exit 1')
  const first = await reset()
  expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('not looked at: sets (ipset save:') })
  expect(first.stderr).not.toContain('nothing of Fairlead is left')
  expect(await reset()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('as far as it can be seen') })
})

test.each(['{', '{"sysctls":null,"folders":[],"kept":[],"images":[]}'])(
  'a record that cannot be read is told, and keeps the rest from nothing: %s',
  async (text) => {
    await startDocker()
    await host.sh(`echo '${text}' > /var/lib/fairlead/host.json`)
    const { exitCode, stderr } = await reset()
    expect(stderr).toMatch(/failed: \/var\/lib\/fairlead\/host.json cannot be read: .*; images, kernel settings and/)
    expect([exitCode, await listFiles()]).toEqual([1, ['/opt/fl-test', program]])
  },
)
