import { once } from 'node:events'
import { connect } from 'node:net'
import * as dns from 'dns-packet'
import { afterEach, expect, test } from 'vitest'
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
