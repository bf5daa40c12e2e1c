import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test, vi } from 'vitest'
import type { Endpoint } from '../table.ts'
import type { Relay } from './relay.ts'
import { TcpRelay } from './tcp-relay.ts'
import { UdpRelay } from './udp-relay.ts'

const options = {
  host: '127.0.0.1',
  now: Date.now,
  onError: (error: unknown) => expect.unreachable(String(error)),
}
const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const to = (port: number): Endpoint => ({ ip: '127.0.0.1', port, local: true })
const serving = (...endpoints: Endpoint[]) => ({ serving: endpoints, draining: [] })

async function tcpServer(onConnection: (socket: Socket) => void): Promise<Endpoint> {
  const server = createServer({ allowHalfOpen: true }, onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  return to((server.address() as AddressInfo).port)
}

async function tcpRelay(...endpoints: Endpoint[]): Promise<TcpRelay> {
  const relay = await TcpRelay.listen(options)
  closers.push(() => relay.close())
  relay.set(serving(...endpoints))
  return relay
}

const answering = (name: string) => tcpServer((socket) => socket.on('error', () => undefined).end(name))

async function ask({ port }: Relay): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  return await text(socket)
}

/** A port where nobody listens. */
async function deadEndpoint(): Promise<Endpoint> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = to((server.address() as AddressInfo).port)
  server.close()
  await once(server, 'close')
  return endpoint
}

test('connections go to endpoints by turns', async () => {
  const relay = await tcpRelay(await answering('a'), await answering('b'))
  expect([await ask(relay), await ask(relay), await ask(relay)]).toEqual(['a', 'b', 'a'])
})

test('an endpoint that refuses is passed over', async () => {
  const relay = await tcpRelay(await deadEndpoint(), await answering('b'))
  expect([await ask(relay), await ask(relay)]).toEqual(['b', 'b'])
})

test('an endpoint that took the connection in time counts as reached, however late the agent hears of it', async () => {
  let attempts = 0
  const endpoint = await tcpServer((socket) => {
    attempts++
    socket.on('error', () => undefined).end('a')
  })
  const relay = await tcpRelay(endpoint)
  let isBusy = true
  closers.push(() => {
    isBusy = false
  })
  // Between what the sockets say and the timers, longer each time than the first attempt may take.
  const beBusy = () => {
    const untilMs = performance.now() + 300
    while (performance.now() < untilMs);
    if (isBusy) setImmediate(beBusy)
  }
  setImmediate(beBusy)
  expect(await ask(relay)).toBe('a')
  expect(attempts).toBe(1)
})

test('a client that has said all still hears the answer', async () => {
  const counting = await tcpServer((socket) => {
    let length = 0
    socket.on('data', (chunk) => {
      length += chunk.length
    })
    socket.once('end', () => socket.end(`${length}`))
  })
  const { port } = await tcpRelay(counting)
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.end('x'.repeat(300_000))
  expect(await text(socket)).toBe('300000')
})

test('an endpoint that resets its connection resets the client', async () => {
  const { port } = await tcpRelay(await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())))
  const socket = connect({ host: '127.0.0.1', port })
  socket.write('?')
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ECONNRESET' })
})

test('connections end with their endpoint, and not while it drains', async () => {
  const [echoing, other] = [
    await tcpServer((socket) => socket.on('error', () => undefined).pipe(socket)),
    await answering('b'),
  ]
  const relay = await tcpRelay(echoing)
  const socket = connect({ host: '127.0.0.1', port: relay.port })
  const say = async (word: string) => {
    socket.write(word)
    const [answer] = await once(socket, 'data')
    return String(answer)
  }
  expect(await say('one')).toBe('one')
  relay.set({ serving: [other], draining: [echoing] })
  expect([await ask(relay), await say('two')]).toEqual(['b', 'two'])
  relay.set(serving(other))
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ECONNRESET' })
})

async function udpServer(name: string): Promise<Endpoint> {
  const socket = createSocket('udp4')
  socket.on('message', (_, { port, address }) => socket.send(name, port, address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  closers.push(() => socket.close())
  return to(socket.address().port)
}

async function udpRelay(idleMs: number, ...endpoints: Endpoint[]): Promise<UdpRelay> {
  const relay = await UdpRelay.listen({ ...options, idleMs })
  closers.push(() => relay.close())
  relay.set(serving(...endpoints))
  return relay
}

function udpClient(): UdpSocket {
  const socket = createSocket('udp4')
  closers.push(() => socket.close())
  return socket
}

async function askUdp(client: UdpSocket, { port }: Relay): Promise<string> {
  client.send('?', port, '127.0.0.1')
  const [answer] = await once(client, 'message')
  return String(answer)
}

test('a client of UDP stays with its endpoint until that goes', async () => {
  const [a, b] = [await udpServer('a'), await udpServer('b')]
  const relay = await udpRelay(60_000, a, b)
  const [one, two] = [udpClient(), udpClient()]
  expect([await askUdp(one, relay), await askUdp(one, relay), await askUdp(two, relay)]).toEqual(['a', 'a', 'b'])
  relay.set(serving(b))
  expect(await askUdp(one, relay)).toBe('b')
})

test('a silent client of UDP begins anew', async () => {
  const relay = await udpRelay(20, await udpServer('a'), await udpServer('b'))
  const client = udpClient()
  expect(await askUdp(client, relay)).toBe('a')
  await vi.waitFor(async () => expect(await askUdp(client, relay)).toBe('b'), { interval: 100 })
})

test('an endpoint of UDP that no datagram can be sent to is passed over by the next', async () => {
  // Broadcasting needs a permission that the socket does not have.
  const relay = await udpRelay(60_000, { ip: '255.255.255.255', port: 9, local: false }, await udpServer('b'))
  const client = udpClient()
  client.send('?', relay.port, '127.0.0.1')
  await vi.waitFor(async () => expect(await askUdp(client, relay)).toBe('b'), { interval: 100 })
})

test.each([
  ['TCP', TcpRelay],
  ['UDP', UdpRelay],
] as const)('a relay of %s listens where it is told to, or elsewhere when that is taken', async (_, kind) => {
  const first = await kind.listen(options)
  closers.push(() => first.close())
  const second = await kind.listen({ ...options, port: first.port })
  const { port } = second
  expect(port).not.toBe(first.port)
  second.close()
  await vi.waitFor(async () => {
    const third = await kind.listen({ ...options, port })
    closers.push(() => third.close())
    expect(third.port).toBe(port)
  })
})
