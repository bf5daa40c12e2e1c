// The cluster's DNS server over as many Services as wanted, without an API server; or with "echo" a server that sends back
// what it gets, which is the floor of what one process can. Usage: dns-server.ts PORT SERVICES|echo

import { createSocket } from 'node:dgram'
import type { Lookup } from '../../../addons/dns/cluster.ts'
import { failure } from '../../../addons/dns/message.ts'
import { Metrics } from '../../../addons/dns/metrics.ts'
import { Resolver } from '../../../addons/dns/resolver.ts'
import { DnsServer } from '../../../addons/dns/server.ts'
import type { EndpointSlice, Service } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'

const [portText = '', kind = ''] = process.argv.slice(2)
const port = Number(portText)
const endpointsPerService = 10

if (kind === 'echo') await serveEcho()
else await serveDns(Number(kind))
console.log('listening')

async function serveEcho(): Promise<void> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 })
  socket.on('message', (message, from) => {
    message.writeUInt8(0x80, 2) // an answer, not a question
    socket.send(message, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve))
}

async function serveDns(count: number): Promise<void> {
  const services = new Map<string, Stored<Service>>()
  const slices = new Map<string, Stored<EndpointSlice>[]>()
  for (let index = 0; index < count; index++) {
    const key = `default/s${index}`
    services.set(key, makeService(index))
    slices.set(key, [makeSlice(index)])
  }
  const lookup: Lookup = {
    service: (key) => services.get(key),
    slices: (key) => slices.get(key) ?? [],
    servicesAt: () => [],
    slicesAt: () => [],
    hasNamespace: (name) => name === 'default',
  }
  const metrics = new Metrics()
  const resolver = new Resolver({
    lookup,
    zone: 'cluster.local',
    ttl: 5,
    ownService: 'kube-system/kube-dns',
    forward: () => Promise.resolve(failure('REFUSED')),
  })
  await new DnsServer({
    host: '127.0.0.1',
    port,
    resolve: ({ question, dnssecOk }) => resolver.resolve(question, dnssecOk),
    onAnswered: (asked, outcome, protocol, tookMs) => metrics.countAnswer(asked, outcome, protocol, tookMs),
    onError: console.error,
  }).listen()
}

function identity(name: string) {
  return {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  }
}

/** Even ones have an address, odd ones are headless. */
function makeService(index: number): Stored<Service> {
  const address = index % 2 === 0 ? `10.96.${(index >> 8) & 255}.${index & 255}` : 'None'
  return { metadata: identity(`s${index}`), spec: { clusterIP: address, clusterIPs: [address], ports: [{ port: 80 }] } }
}

function makeSlice(index: number): Stored<EndpointSlice> {
  return {
    metadata: { ...identity(`s${index}-1`), labels: { 'kubernetes.io/service-name': `s${index}` } },
    addressType: 'IPv4',
    endpoints: Array.from({ length: endpointsPerService }, (_, each) => ({
      addresses: [`10.244.${index & 255}.${each + 2}`],
      conditions: { ready: true },
    })),
    ports: [{ port: 80, protocol: 'TCP' }],
  }
}
