import * as dns from 'dns-packet'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decode, failure, type Outcome, readQuestion, writeAnswer } from './message.ts'

const question = { type: 'A', name: 'db.shop.svc.cluster.local' } as const
const query = (more: dns.Packet = {}) =>
  dns.encode({ type: 'query', id: 7, flags: dns.RECURSION_DESIRED, questions: [question], ...more })
const opt = (udpPayloadSize: number, ednsVersion = 0): dns.Answer => ({
  type: 'OPT',
  name: '.',
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion,
  flags: 0,
  flag_do: false,
  options: [],
})

function asked(bytes: Buffer) {
  const reading = readQuestion(bytes)
  if (reading === undefined || !('asked' in reading)) throw new Error('not a question that may be answered')
  return reading.asked
}

function refusal(bytes: Buffer): dns.DecodedPacket & { rcode?: string } {
  const reading = readQuestion(bytes)
  if (reading === undefined || !('refusal' in reading)) throw new Error('not refused')
  return dns.decode(reading.refusal)
}

const many = (count: number): Outcome => ({
  ...failure('NOERROR'),
  isAuthoritative: true,
  answers: Array.from({ length: count }, (_, index) => ({
    type: 'A',
    name: question.name,
    ttl: 5,
    data: `10.244.${index >> 8}.${index & 255}`,
  })),
})

test('an answer repeats id, question and the wish for recursion, and says who answers', () => {
  const answer = dns.decode(writeAnswer(asked(query()), many(1), 512))
  expect(answer).toMatchObject({ id: 7, flag_qr: true, flag_aa: true, flag_rd: true, flag_ra: true, flag_tc: false })
  expect(answer.questions).toMatchObject([question])
  expect(answer.answers).toMatchObject([{ data: '10.244.0.0' }])
  expect(answer.additionals).toEqual([])
})

test('what does not fit is cut off and the asker told so; by TCP it is whole', () => {
  const cut = dns.decode(writeAnswer(asked(query()), many(100), 512))
  expect(cut.flag_tc).toBe(true)
  expect(writeAnswer(asked(query()), many(100), 512).length).toBeLessThanOrEqual(512)
  expect(dns.decode(writeAnswer(asked(query()), many(100), 65_535)).answers).toHaveLength(100)
})

test('what is cut off is as little as can be', () => {
  const cut = dns.decode(writeAnswer(asked(query()), many(100), 512))
  // Header and question have 43 bytes, each record 16 with a pointer to the question's name.
  expect(cut.answers).toEqual(dns.decode(writeAnswer(asked(query()), many(29), 65_535)).answers)
  expect(dns.decode(writeAnswer(asked(query()), many(29), 512))).toMatchObject({ flag_tc: false })
})

test('thousands of endpoints come whole by TCP', () => {
  const answer = dns.decode(writeAnswer(asked(query()), many(4_000), 65_535))
  expect(answer.flag_tc).toBe(false)
  expect(answer.answers).toHaveLength(4_000)
})

test('aliases, their targets and the zone’s SOA stay what they are when names are written once', () => {
  const names = ['www.example.com', 'edge.example.com', 'a.edge.example.net', '.', 'net']
  const outcome: Outcome = {
    ...failure('NXDOMAIN'),
    answers: names.slice(1).map((data, at): dns.Answer => ({ type: 'CNAME', name: names[at] ?? '', ttl: 9, data })),
    authorities: [{ type: 'NS', name: 'example.net', ttl: 9, data: 'ns.example.net' }],
    additionals: [{ type: 'SRV', name: 'net', ttl: 9, data: { port: 1, target: 'a.edge.example.net' } }],
  }
  const whole = writeAnswer(asked(query({ additionals: [opt(512)] })), outcome, 65_535)
  const short = writeAnswer(asked(query({ additionals: [opt(512)] })), outcome, whole.length - 1)
  expect(short.length).toBeLessThan(whole.length - 50)
  expect(dns.decode(short)).toEqual(dns.decode(whole))
})

test('authority beside an answer is left out before the answer is cut, and nothing is ever too long', () => {
  const authorities = Array.from({ length: 13 }, (_, index): dns.Answer => {
    return {
      type: 'NS',
      name: 'example',
      ttl: 9,
      data: `${String.fromCharCode(97 + index).repeat(30)}.servers.example`,
    }
  })
  const answer = dns.decode(writeAnswer(asked(query()), { ...many(2), authorities }, 512))
  expect(answer).toMatchObject({ flag_tc: false, authorities: [] })
  expect(answer.answers).toHaveLength(2)
  const negative = writeAnswer(asked(query()), { ...failure('NXDOMAIN'), authorities }, 512)
  expect(negative.length).toBeLessThanOrEqual(512)
  expect(dns.decode(negative)).toMatchObject({ flag_tc: true, rcode: 'NXDOMAIN' })
})

test('additional records go before the answer is cut', () => {
  const additionals = many(100).answers
  const answer = dns.decode(writeAnswer(asked(query()), { ...many(2), additionals }, 512))
  expect(answer).toMatchObject({ flag_tc: false, additionals: [] })
  expect(answer.answers).toHaveLength(2)
})

test('EDNS raises the limit, but never beyond what passes unfragmented', () => {
  expect(asked(query()).udpSize).toBe(512)
  expect(asked(query({ additionals: [opt(1_000)] })).udpSize).toBe(1_000)
  expect(asked(query({ additionals: [opt(65_000)] })).udpSize).toBe(1_232)
  expect(asked(query({ additionals: [opt(10)] })).udpSize).toBe(512)
  const answer = dns.decode(writeAnswer(asked(query({ additionals: [opt(1_000)] })), many(1), 1_000))
  expect(answer.additionals?.map(({ type }) => type)).toEqual(['OPT'])
})

test('an unknown version of EDNS is BADVERS, which is 16 in two parts', () => {
  const [record] = refusal(query({ additionals: [opt(1_232, 3)] })).additionals ?? []
  expect(record).toMatchObject({ type: 'OPT', extendedRcode: 1 })
})

test('what is no query of ours is refused by its kind', () => {
  const opcode = query()
  opcode.writeUInt16BE(0x2800, 2) // UPDATE
  expect(refusal(opcode).rcode).toBe('NOTIMP')
  expect(refusal(query({ questions: [] })).rcode).toBe('FORMERR')
  expect(refusal(query({ questions: [question, question] })).rcode).toBe('FORMERR')
  expect(refusal(query({ questions: [{ ...question, type: 'AXFR' }] })).rcode).toBe('REFUSED')
  expect(refusal(query({ questions: [{ ...question, class: 'CH' }] })).rcode).toBe('REFUSED')
})

test('answers and noise get no answer', () => {
  expect(readQuestion(dns.encode({ type: 'response', id: 7, questions: [question] }))).toBeUndefined()
  expect(readQuestion(Buffer.from('short'))).toBeUndefined()
})

test('no bytes make it throw, and whatever may be answered can be written', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const reading = readQuestion(Buffer.from(bytes))
      if (reading !== undefined && 'asked' in reading) writeAnswer(reading.asked, failure('NXDOMAIN'), 512)
    }),
    { numRuns: 2_000 },
  )
})

test('a good query with any one byte changed does no harm', () => {
  const good = query({ additionals: [opt(1_232)] })
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
      const bytes = Buffer.from(good)
      bytes[at] = value
      const reading = readQuestion(bytes)
      if (reading !== undefined && 'asked' in reading) writeAnswer(reading.asked, many(3), 512)
      if (reading !== undefined && 'refusal' in reading) expect(decode(reading.refusal)).toBeDefined()
    }),
    { numRuns: 2_000 },
  )
})
