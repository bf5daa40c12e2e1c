import { createSocket, Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import * as dns from 'dns-packet'
import { afterEach, expect, test, vi } from 'vitest'
import { failure, type Outcome } from './message.ts'
import { DnsServer } from './server.ts'
import { readFrames, toFrame } from './tcp-frames.ts'

let server: DnsServer | undefined
afterEach(() => server?.close())

const answerFor = (name: string): Outcome => ({
  ...failure('NOERROR'),
  answers: [{ type: 'TXT', name, ttl: 1, data: name }],
})
const query = (id: number, name: string) => dns.encode({ type: 'query', id, questions: [{ type: 'TXT', name }] })

async function connectTo(resolve: (name: string) => Promise<Outcome>, errors: unknown[] = []) {
  const onError = (error: unknown) => errors.push(error)
  server = new DnsServer({ host: '127.0.0.1', port: 0, resolve: ({ question }) => resolve(question.name), onError })
  const client = connect({ host: '127.0.0.1', port: await server.listen() })
  await once(client, 'connect')
  const answers: dns.DecodedPacket[] = []
  readFrames(client, (message) => answers.push(dns.decode(message)))
  return { client, answers }
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('several questions in one stream, in pieces of any size, are answered as they are ready', async () => {
  const gate = Promise.withResolvers<void>()
  const { client, answers } = await connectTo(async (name) => {
    if (name === 'slow.example') await gate.promise
    return answerFor(name)
  })
  const bytes = Buffer.concat([toFrame(query(1, 'slow.example')), toFrame(query(2, 'fast.example'))])
  for (const byte of bytes) client.write(Buffer.from([byte]))
  await until(() => answers.length === 1)
  expect(answers[0]).toMatchObject({ id: 2, questions: [{ name: 'fast.example' }] })
  gate.resolve()
  await until(() => answers.length === 2)
  expect(answers[1]).toMatchObject({ id: 1, questions: [{ name: 'slow.example' }] })
  client.destroy()
})

test('a question that fails is answered so, and told of', async () => {
  const errors: unknown[] = []
  const { client, answers } = await connectTo(() => Promise.reject(new Error('no idea')), errors)
  client.write(toFrame(query(1, 'a.example')))
  await until(() => answers.length === 1)
  expect(answers[0]).toMatchObject({ rcode: 'SERVFAIL' })
  expect(errors.map(String)).toEqual(['Error: no idea'])
  client.destroy()
})

test('a record that cannot be written does not end the server', async () => {
  const errors: unknown[] = []
  const bad: Outcome = {
    ...failure('NOERROR'),
    answers: [{ type: 'A', name: 'bad.example', ttl: -1, data: '192.0.2.1' }],
  }
  const { client, answers } = await connectTo(
    (name) => Promise.resolve(name === 'bad.example' ? bad : answerFor(name)),
    errors,
  )
  client.write(toFrame(query(1, 'bad.example')))
  client.write(toFrame(query(2, 'good.example')))
  await until(() => answers.length === 2)
  expect(answers).toMatchObject([{ rcode: 'SERVFAIL' }, { rcode: 'NOERROR' }])
  client.destroy()
})

test('a client that has sent its last question gets the answer all the same', async () => {
  const gate = Promise.withResolvers<void>()
  const { client, answers } = await connectTo(async (name) => {
    await gate.promise
    return answerFor(name)
  })
  client.end(toFrame(query(1, 'a.example')))
  setTimeout(gate.resolve, 50)
  await once(client, 'close')
  expect(answers).toMatchObject([{ id: 1, rcode: 'NOERROR' }])
})

test('a client that takes no answers is not answered any more', async () => {
  let asked = 0
  const big = Buffer.alloc(255).toString()
  const { client } = await connectTo((name) => {
    asked++
    const data = Array.from({ length: 250 }, () => big)
    return Promise.resolve({ ...failure('NOERROR'), answers: [{ type: 'TXT', name, ttl: 1, data }] })
  })
  client.pause()
  for (let id = 0; id < 1_000; id++) client.write(toFrame(query(id, 'a.example')))
  let before = -1
  while (asked !== before) {
    before = asked
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  // So much fits into the kernel's buffers; the rest waits unread.
  expect(asked).toBeLessThan(700)
  client.resume()
  await until(() => asked === 1_000)
  client.destroy()
})

test('a question that is still being answered when the server ends does no harm', async () => {
  const errors: unknown[] = []
  const gate = Promise.withResolvers<void>()
  let asked = false
  const { client } = await connectTo(async (name) => {
    asked = true
    await gate.promise
    return answerFor(name)
  }, errors)
  const udp = createSocket('udp4')
  udp.send(query(1, 'a.example'), client.remotePort ?? 0, '127.0.0.1')
  await until(() => asked)
  await server?.close()
  server = undefined
  gate.resolve()
  // An unhandled rejection would fail the test.
  await until(() => errors.length === 1)
  expect(errors).toMatchObject([{ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }])
  udp.close()
  client.destroy()
})

test('a datagram from port 0, which cannot be answered, does not end the server', async () => {
  const errors: unknown[] = []
  const bind = vi.spyOn(Socket.prototype, 'bind')
  const { client, answers } = await connectTo((name) => Promise.resolve(answerFor(name)), errors)
  // No socket sends from there, but any pod may that makes its packets itself.
  const udp = bind.mock.contexts[0] as Socket | undefined
  udp?.emit('message', query(1, 'a.example'), { address: '127.0.0.1', port: 0 })
  bind.mockRestore()
  client.write(toFrame(query(2, 'b.example')))
  await until(() => answers.length === 1)
  expect(answers).toMatchObject([{ id: 2 }])
  expect(errors).toEqual([])
  client.destroy()
})
