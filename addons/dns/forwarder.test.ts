// Upstreams are real servers on loopback: our own server with answers made up by the test.

import { createSocket } from 'node:dgram'
import type { Answer } from 'dns-packet'
import * as dns from 'dns-packet'
import { afterEach, expect, test } from 'vitest'
import { Forwarder, type ForwarderOptions } from './forwarder.ts'
import { type Asked, failure, type Outcome } from './message.ts'
import { DnsServer } from './server.ts'
import type { Address } from './upstream.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

const fail = (error: unknown): never => {
  throw error
}

async function startUpstream(resolve: (asked: Asked) => Promise<Outcome>, port = 0): Promise<Address> {
  const server = new DnsServer({ host: '127.0.0.1', port, resolve, onError: fail })
  const address = { host: '127.0.0.1', port: await server.listen() }
  cleanups.push(() => server.close())
  return address
}

function makeForwarder(upstreams: Address[], more: Partial<ForwarderOptions> = {}): Forwarder {
  const forwarder = new Forwarder({ upstreams, timeoutMs: 500, onError: () => undefined, ...more })
  cleanups.push(() => forwarder.close())
  return forwarder
}

const answerOf = (name: string, data: string, ttl = 60): Answer => ({ type: 'A', name, ttl, data })
const say =
  (data: string, ttl = 60) =>
  ({ question }: Asked): Promise<Outcome> =>
    Promise.resolve({ ...failure('NOERROR'), answers: [answerOf(question.name, data, ttl)] })

const dataOf = ({ answers }: Outcome) => answers.map((record) => ('data' in record ? record.data : undefined))
const question = (name: string) => ({ type: 'A', name }) as const

/** An address where nobody listens. */
async function deadAddress(): Promise<Address> {
  const server = new DnsServer({ host: '127.0.0.1', port: 0, resolve: say('192.0.2.1'), onError: fail })
  const port = await server.listen()
  await server.close()
  return { host: '127.0.0.1', port }
}

test('an answer is passed on, and kept as long as it may be', async () => {
  let count = 0
  const upstream = await startUpstream((asked) => {
    count++
    return say('192.0.2.1')(asked)
  })
  const forwarder = makeForwarder([upstream])
  expect(dataOf(await forwarder.resolve(question('a.example'), false))).toEqual(['192.0.2.1'])
  expect(dataOf(await forwarder.resolve(question('A.Example'), false))).toEqual(['192.0.2.1'])
  expect(count).toBe(1)
})

test('the same question asked by many at once goes out once', async () => {
  const gate = Promise.withResolvers<void>()
  let count = 0
  const upstream = await startUpstream(async (asked) => {
    count++
    await gate.promise
    return await say('192.0.2.1')(asked)
  })
  const forwarder = makeForwarder([upstream])
  const answers = Array.from({ length: 50 }, () => forwarder.resolve(question('a.example'), false))
  setTimeout(gate.resolve, 20)
  expect(new Set((await Promise.all(answers)).flatMap(dataOf))).toEqual(new Set(['192.0.2.1']))
  expect(count).toBe(1)
})

test('an answer too long for a datagram is fetched by TCP', async () => {
  const upstream = await startUpstream(({ question: { name } }) =>
    Promise.resolve({
      ...failure('NOERROR'),
      answers: Array.from({ length: 200 }, (_, index) => answerOf(name, `192.0.2.${index}`)),
    }),
  )
  const forwarder = makeForwarder([upstream])
  expect(dataOf(await forwarder.resolve(question('a.example'), false))).toHaveLength(200)
})

test('a dead upstream costs one question; the next go to a live one, until it answers probes again', async () => {
  const dead = await deadAddress()
  const alive = await startUpstream(say('192.0.2.2', 0))
  const forwarder = makeForwarder([dead, alive])
  for (let turn = 0; turn < 20; turn++)
    expect(dataOf(await forwarder.resolve(question(`${turn}.example`), false))).toEqual(['192.0.2.2'])
  await startUpstream(say('192.0.2.1', 0), dead.port)
  const seen = new Set<unknown>()
  while (seen.size < 2) {
    for (const data of dataOf(await forwarder.resolve(question('again.example'), false))) seen.add(data)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect(seen).toEqual(new Set(['192.0.2.1', '192.0.2.2']))
})

test('when nobody answers, the client hears so', async () => {
  const errors: unknown[] = []
  const forwarder = makeForwarder([await deadAddress()], { onError: (error) => errors.push(error) })
  expect((await forwarder.resolve(question('a.example'), false)).rcode).toBe('SERVFAIL')
  expect(String(errors[0])).toMatch(/ECONNREFUSED/)
})

test('an upstream that says nothing is given up in time', async () => {
  const upstream = await startUpstream(() => new Promise(() => undefined))
  const errors: unknown[] = []
  const forwarder = makeForwarder([upstream], { timeoutMs: 50, onError: (error) => errors.push(error) })
  expect((await forwarder.resolve(question('a.example'), false)).rcode).toBe('SERVFAIL')
  expect(String(errors[0])).toMatch(/gave no answer within 50 ms/)
})

test('without any upstream, names outside are refused at once', async () => {
  expect((await makeForwarder([]).resolve(question('a.example'), false)).rcode).toBe('SERVFAIL')
})

test('an upstream that leads back is found, and nothing goes round any more', async () => {
  let forwarder: Forwarder | undefined
  const self = await startUpstream(async ({ question: asked, dnssecOk }) => {
    return (await forwarder?.resolve(asked, dnssecOk)) ?? failure('SERVFAIL')
  })
  forwarder = makeForwarder([self])
  expect(await forwarder.findLoop()).toBe(true)
  expect((await forwarder.resolve(question('a.example'), false)).rcode).toBe('SERVFAIL')
})

test('an upstream that leads back only now and then, as the address of several servers does, is found too', async () => {
  let count = 0
  let forwarder: Forwarder | undefined
  const self = await startUpstream(async ({ question: asked, dnssecOk }) => {
    if (++count < 3) return await new Promise(() => undefined)
    return (await forwarder?.resolve(asked, dnssecOk)) ?? failure('SERVFAIL')
  })
  forwarder = makeForwarder([self], { timeoutMs: 50 })
  expect(await forwarder.findLoop()).toBe(true)
})

test('more questions than may wait are told to come again', async () => {
  const upstream = await startUpstream(() => new Promise(() => undefined))
  const forwarder = makeForwarder([upstream], { maxConcurrent: 2, timeoutMs: 100 })
  const started = [1, 2].map((index) => forwarder.resolve(question(`${index}.example`), false))
  const third = await Promise.race([forwarder.resolve(question('3.example'), false), Promise.all(started)])
  expect(third).toMatchObject({ rcode: 'SERVFAIL' })
  await Promise.all(started)
})

test('an upstream without a route fails the question, not the server', async () => {
  const errors: unknown[] = []
  // To connect to it is refused everywhere, as it is to an IPv6 server where there is no IPv6.
  const forwarder = makeForwarder([{ host: '255.255.255.255', port: 53 }], { onError: (error) => errors.push(error) })
  expect((await forwarder.resolve(question('a.example'), false)).rcode).toBe('SERVFAIL')
  expect(errors).toHaveLength(1)
})

test('a question that is lost on its way is sent again in time', async () => {
  let count = 0
  const lossy = createSocket('udp4')
  lossy.on('message', (message, { port, address }) => {
    if (++count === 1) return
    const { id, questions = [] } = dns.decode(message)
    const answers = questions.map(({ name }) => answerOf(name, '192.0.2.1'))
    lossy.send(dns.encode({ type: 'response', id, questions, answers }), port, address)
  })
  await new Promise<void>((resolve) => lossy.bind(0, '127.0.0.1', resolve))
  cleanups.push(() => lossy.close())
  const errors: unknown[] = []
  const upstreams = [{ host: '127.0.0.1', port: lossy.address().port }]
  const forwarder = makeForwarder(upstreams, { onError: (error) => errors.push(error) })
  expect(dataOf(await forwarder.resolve(question('a.example'), false))).toEqual(['192.0.2.1'])
  expect(errors).toEqual([])
})

test.each(['with the question', 'without it'])('an upstream that refuses EDNS, %s, is asked without', async (how) => {
  const old = createSocket('udp4')
  old.on('message', (message, { port, address }) => {
    const { id, questions = [], additionals = [] } = dns.decode(message)
    const answers = additionals.length > 0 ? [] : questions.map(({ name }) => answerOf(name, '192.0.2.1'))
    const repeated = additionals.length > 0 && how === 'without it' ? [] : questions
    const flags = additionals.length > 0 ? 1 : 0 // FORMERR
    old.send(dns.encode({ type: 'response', id, flags, questions: repeated, answers }), port, address)
  })
  await new Promise<void>((resolve) => old.bind(0, '127.0.0.1', resolve))
  cleanups.push(() => old.close())
  const forwarder = makeForwarder([{ host: '127.0.0.1', port: old.address().port }])
  expect(dataOf(await forwarder.resolve(question('a.example'), false))).toEqual(['192.0.2.1'])
})
