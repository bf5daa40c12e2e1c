// The life of the IPVS backend: how each scheduler spreads connections, what a restart, a change of endpoints and a change of
// mode do to connections and to what is not ours, and that what somebody breaks is found and mended.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ServiceChanges } from '../../../agent/proxy/backend.ts'
import { ConnectionCleaner } from '../../../agent/proxy/connection-cleaner.ts'
import { IpvsBackend } from '../../../agent/proxy/ipvs/ipvs-backend.ts'
import { removeIpvsRules } from '../../../agent/proxy/ipvs/remove.ts'
import { createBackend, removeOtherModes } from '../../../agent/proxy/modes.ts'
import type { ServicePort } from '../../../agent/proxy/table.ts'
import { run } from '../../../cni/linux/exec.ts'
import { readVirtualServers } from '../../../cni/linux/ipvs.ts'
import type { OpenConnection, Prober } from '../../packets/prober.ts'
import type { Host } from '../../support/namespaces.ts'
import { clusterIp, one, two, web } from '../../support/proxy-node.ts'
import { clusterCidrs, type IpvsNode, makeIpvsNode, nameOf, patience } from './ipvs-node.ts'
import { takeWrites, watchWrites } from './write-watch.ts'

let scene: IpvsNode
let node: Host
let client: Prober

before(async () => {
  scene = await makeIpvsNode('life')
  node = scene.hosts.node
  client = scene.probers.client
  // More clients than one, for the schedulers that look at who comes.
  for (const last of clientAddresses) await scene.net.ip(scene.hosts.client, `addr add 10.244.1.${last}/24 dev eth0`)
  watchWrites()
})

after(() => scene.close())

const clientAddresses = Array.from({ length: 8 }, (_, at) => 10 + at)

const make = (ipvsScheduler = 'rr') => new IpvsBackend({ clusterCidrs, ipvsScheduler, netns: node.netns })

const toChanges = (...ports: ServicePort[]): ServiceChanges => new Map([['default/web', ports]])

/** A node that has nothing of ours, and then this. */
async function serve(ports: ServicePort[], scheduler = 'rr'): Promise<IpvsBackend> {
  await removeIpvsRules(node)
  const backend = make(scheduler)
  await backend.apply(toChanges(...ports))
  return backend
}

const open = (sourcePort = 0): Promise<OpenConnection> => client.open(['tcp', clusterIp, 80], sourcePort)

/** Who answers this many connections that all stay open, in their order; they are closed then. */
async function openMany(count: number): Promise<string[]> {
  const opened: OpenConnection[] = []
  for (let done = 0; done < count; done++) opened.push(await open())
  for (const connection of opened) await connection.close()
  return opened.map(({ greeting }) => nameOf(greeting))
}

/** Who answers one client address, "10.244.1.12" or the like, each time it comes to a Service address. */
async function askFrom(source: string, address = clusterIp): Promise<string> {
  const socket = `TCP:${address}:80,bind=${source},connect-timeout=${patience}`
  return nameOf(await run('socat', ['-t', String(patience), '-', socket], { ...scene.hosts.client, input: '?\n' }))
}

const weightsOf = async (server = `-t ${clusterIp}:80`) => {
  const { realServers = new Map() } = (await readVirtualServers(node)).get(server) ?? {}
  return Object.fromEntries([...realServers].map(([name, { weight }]) => [name, weight]))
}

test('rr gives each backend its turn', async () => {
  await serve([web()], 'rr')
  const names = await openMany(4)
  assert.deepEqual(names, [names[0], names[1], names[0], names[1]])
  assert.notEqual(names[0], names[1])
})

for (const scheduler of ['lc', 'sed', 'nq'])
  test(`${scheduler} sends new connections where fewer are open`, async () => {
    const backend = await serve([web({ cluster: [one] })], scheduler)
    const [first, second] = [await open(), await open()]
    assert.deepEqual([nameOf(first.greeting), nameOf(second.greeting)], ['b1', 'b1'])
    await backend.apply(toChanges(web()))
    // b1 has two: so has b2 after these, which in turn would all have been spread.
    assert.deepEqual(await openMany(2), ['b2', 'b2'])
    await first.close()
    await second.close()
  })

test('sh keeps a client at one backend, and spreads the clients', async () => {
  await serve([web()], 'sh')
  const chosen: string[] = []
  for (const last of clientAddresses) {
    const [name, again] = [await askFrom(`10.244.1.${last}`), await askFrom(`10.244.1.${last}`)]
    assert.equal(again, name)
    chosen.push(name)
  }
  assert.deepEqual([...new Set(chosen)].sort(), ['b1', 'b2'])
})

test('dh sends all clients of an address to one backend, and those of another address elsewhere', async () => {
  const addresses = Array.from({ length: 8 }, (_, at) => `10.96.0.${20 + at}`)
  await serve([web({ externalIps: addresses })], 'dh')
  const byAddress: string[] = []
  for (const address of addresses) {
    const names = [await askFrom('10.244.1.10', address), await askFrom('10.244.1.11', address)]
    assert.equal(new Set(names).size, 1)
    byAddress.push(names[0] ?? '')
  }
  assert.deepEqual([...new Set(byAddress)].sort(), ['b1', 'b2'])
})

test('another scheduler is taken up without a break, and an unknown one is refused by name', async () => {
  await serve([web()], 'rr')
  const connection = await open()
  await make('lc').apply(toChanges(web()))
  assert.equal((await readVirtualServers(node)).get(`-t ${clusterIp}:80`)?.scheduler, 'lc')
  assert.equal(nameOf(await connection.say()), nameOf(connection.greeting))
  await assert.rejects(make('nothing').apply(toChanges(web({ port: 81 }))), /modprobe ip_vs_nothing/)
})

test('a restart with nothing changed writes nothing, and connections go on', async () => {
  const ports = [
    web({ externalIps: ['203.0.113.7'], loadBalancerIps: ['203.0.113.8'], sourceRanges: ['192.0.2.9/24'] }),
    web({ id: 'default/web:local', port: 81, nodePort: 30081, externalPolicy: 'Local', local: [one] }),
    web({ id: 'default/web:dns', protocol: 'udp', port: 53, nodePort: 30053 }),
    web({ id: 'default/web:six', family: 'ipv6', clusterIp: 'fd00:96::5', cluster: [{ ...one, ip: 'fd00:244:2::2' }] }),
  ]
  await serve(ports)
  const connection = await open()
  const before = await run('nft', ['-s', '-a', 'list', 'ruleset'], node)
  assert.ok(takeWrites().length > 0)
  const backend = make()
  await backend.apply(toChanges(...ports))
  await backend.resync()
  assert.deepEqual(await backend.verify(), [])
  assert.deepEqual(takeWrites(), [])
  assert.equal(await run('nft', ['-s', '-a', 'list', 'ruleset'], node), before)
  // Servers that had been made anew would have forgotten whom they sent where.
  assert.equal((await readVirtualServers(node)).get(`-t ${clusterIp}:80`)?.realServers.get(`${one.ip}:8080`)?.weight, 1)
  assert.match(await run('ipvsadm', ['-Ln', '--stats'], node), new RegExp(`TCP +${clusterIp}:80 +1 `))
  assert.equal(nameOf(await connection.say()), nameOf(connection.greeting))
  await connection.close()
})

test('what changed while the agent was away is all that is written', async () => {
  await serve([web(), web({ id: 'default/web:more', port: 81, nodePort: 30081 })])
  takeWrites()
  await make().apply(toChanges(web({ cluster: [one] }), web({ id: 'default/web:more', port: 81, nodePort: 30081 })))
  // Both endpoints are still reached by the other port: no set changes.
  assert.deepEqual(takeWrites(), ['ipvsadm -R'])
})

test('an endpoint that goes keeps its connections, gets no new ones, and leaves with the last', async () => {
  const backend = await serve([web()])
  const held = [await open(), await open()]
  const kept = held.find(({ greeting }) => nameOf(greeting) === 'b1')
  await backend.apply(toChanges(web({ cluster: [two] })))
  assert.deepEqual(await weightsOf(), { '10.244.2.2:8080': 0, '10.244.3.2:8080': 1 })
  assert.deepEqual(await openMany(3), ['b2', 'b2', 'b2'])
  await backend.resync()
  assert.equal(nameOf((await kept?.say()) ?? ''), 'b1')
  assert.deepEqual(await backend.verify(), [])
  // A new life of the agent goes on with it.
  const next = make()
  await next.apply(toChanges(web({ cluster: [two] })))
  assert.equal(nameOf((await kept?.say()) ?? ''), 'b1')
  for (const connection of held) await connection.close()
  await forgetConnections()
  await next.resync()
  assert.deepEqual(await weightsOf(), { '10.244.3.2:8080': 1 })
})

/** The kernel keeps closed connections for two minutes; as many seconds pass here as they need. */
async function forgetConnections(): Promise<void> {
  for (;;) {
    const server = (await readVirtualServers(node)).get(`-t ${clusterIp}:80`)
    if (server?.realServers.get('10.244.2.2:8080')?.connections === 0) return
    await new Promise((resolve) => setTimeout(resolve, 5_000))
  }
}

test('an endpoint that comes back before it has left gets connections again', async () => {
  const backend = await serve([web()])
  const held = [await open(), await open()]
  await backend.apply(toChanges(web({ cluster: [two] })))
  await backend.apply(toChanges(web()))
  assert.deepEqual(await weightsOf(), { '10.244.2.2:8080': 1, '10.244.3.2:8080': 1 })
  for (const connection of held) await connection.close()
})

test('a UDP client that keeps sending finds another endpoint when its own goes', async () => {
  const dns = (cluster: ServicePort['cluster']) =>
    web({ id: 'default/web:dns', protocol: 'udp', port: 53, nodePort: 30053, cluster })
  const [b1, b2] = [
    { ...one, port: 5353 },
    { ...two, port: 5353 },
  ]
  const backend = await serve([dns([b1])])
  const cleaner = new ConnectionCleaner({ netns: node.netns })
  await cleaner.clean(toChanges(dns([b1])))
  const socket = await client.open(['udp', clusterIp, 53], 45_353)
  assert.equal(nameOf(socket.greeting), 'b1')
  const changes = toChanges(dns([b2]))
  await backend.apply(changes)
  await cleaner.clean(changes)
  // A datagram that meets the entry of the one that is gone ends it; that is all that may be lost.
  const answers = [await socket.say(), await socket.say()].map(nameOf)
  assert.ok(answers.includes('b2') && !answers.includes('b1'), answers.join())
  await socket.close()
})

const damages: [what: string, command: string, found: RegExp][] = [
  ['a virtual server', `ipvsadm -D -t ${clusterIp}:80`, /^ipvs -t 10\.96\.0\.5:80$/],
  ['a real server', `ipvsadm -d -t ${clusterIp}:80 -r 10.244.2.2:8080`, /-r 10\.244\.2\.2:8080$/],
  ['a weight', `ipvsadm -e -t ${clusterIp}:80 -r 10.244.2.2:8080 -m -w 0`, /-r 10\.244\.2\.2:8080$/],
  ['a scheduler', `ipvsadm -E -t ${clusterIp}:80 -s lc`, /^ipvs -t 10\.96\.0\.5:80$/],
  ['a stranger among the real servers', `ipvsadm -a -t ${clusterIp}:80 -r 10.244.9.9:1 -m`, /-r 10\.244\.9\.9:1$/],
  ['an address', `ip addr del ${clusterIp}/32 dev kube-ipvs0`, /^10\.96\.0\.5\/32 dev kube-ipvs0$/],
  ['an element', `ipset del KUBE-CLUSTER-IP ${clusterIp},tcp:80`, /^KUBE-CLUSTER-IP 10\.96\.0\.5,tcp:80$/],
  ['a chain', 'iptables -t nat -F KUBE-SERVICES', /nat KUBE-SERVICES$/],
  ['the device', 'ip link del kube-ipvs0', /^kube-ipvs0$/],
  ['a setting', 'sysctl -qw net.ipv4.vs.conntrack=0', /^net\.ipv4\.vs\.conntrack$/],
]

test('what somebody breaks is found by its name and mended', async () => {
  const backend = await serve([web()])
  for (const [what, command, found] of damages) {
    const [program = '', ...args] = command.split(' ')
    await run(program, args, node)
    const names = (await backend.verify()).map(({ name }) => name)
    assert.ok(
      names.some((name) => found.test(name)),
      `${what}: ${names.join('; ')}`,
    )
    await backend.resync()
    assert.deepEqual(await backend.verify(), [], what)
  }
  assert.deepEqual((await openMany(2)).toSorted(), ['b1', 'b2'])
})

test("another mode leaves nothing of IPVS, and nothing that is the user's is touched at any time", async () => {
  const mine = ['-A -t 192.0.2.1:9999 -s rr', '-a -t 192.0.2.1:9999 -r 10.244.2.2:8080 -m -w 1', '-A -f 7 -s lc']
  await run('ipvsadm', ['-R'], { ...node, input: `${mine.join('\n')}\n` })
  await run('ipset', ['create', 'mine', 'hash:ip'], node)
  await run('ipset', ['add', 'mine', '192.0.2.9'], node)
  await run('iptables', ['-t', 'mangle', '-A', 'OUTPUT', '-m', 'set', '--match-set', 'mine', 'dst'], node)
  const users = async () => ({
    servers: (await run('ipvsadm', ['-Sn'], node)).split('\n').filter((line) => /192\.0\.2\.1:9999|-f 7/.test(line)),
    sets: (await run('ipset', ['list', '-n'], node)).split('\n').filter((name) => name === 'mine'),
    rules: (await run('iptables-save', ['-t', 'mangle'], node)).split('\n').filter((line) => line.includes('mine')),
  })
  const before = await users()
  const backend = await serve([
    web(),
    web({ id: 'default/web:local', port: 81, nodePort: 30081, externalPolicy: 'Local' }),
  ])
  await backend.resync()
  assert.deepEqual(await backend.verify(), [])
  assert.deepEqual(await users(), before)

  await removeOtherModes('iptables', node)
  assert.deepEqual(await users(), before)
  assert.deepEqual([...(await readVirtualServers(node)).keys()].toSorted(), ['-f 7', '-t 192.0.2.1:9999'])
  assert.equal((await run('ipset', ['list', '-n'], node)).trim(), 'mine')
  const rules = await run('nft', ['list', 'ruleset'], node)
  assert.doesNotMatch(rules, /KUBE-/)
  await assert.rejects(run('ip', ['link', 'show', 'dev', 'kube-ipvs0'], node))

  await createBackend('iptables', { clusterCidrs, netns: node.netns }).apply(toChanges(web()))
  assert.match((await client.ask([['tcp', clusterIp, 80]])).join(), /^b[12] 10\.244\.1\.2$/)
  await removeOtherModes(undefined, node)
})
