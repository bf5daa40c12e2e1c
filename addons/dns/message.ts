// Messages on the wire: what may be asked, and how an outcome becomes bytes that the asker can take.
// RFC 1035 section 4, RFC 6891 (EDNS), RFC 8482 (ANY), RFC 7766 (TCP).

import type { Answer, DecodedPacket, Question } from 'dns-packet'
import * as dns from 'dns-packet'
import { endOfName, RecordWriter } from './record-writer.ts'

export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED'

/** What a question leads to. */
export interface Outcome {
  rcode: Rcode
  answers: Answer[]
  authorities: Answer[]
  additionals: Answer[]
  /** From the cluster's own zone. */
  isAuthoritative: boolean
}

/** A question that may be answered. */
export interface Asked {
  id: number
  question: Question
  flags: number
  /** What the asker takes by UDP, in bytes. */
  udpSize: number
  /** The asker speaks EDNS. */
  edns: boolean
  dnssecOk: boolean
}

/** Either a question, or the refusal to be sent, or nothing at all: answers and noise get no answer. */
export type Reading = { asked: Asked } | { refusal: Buffer } | undefined

const rcodes: Record<Rcode, number> = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 }
const headerLength = 12
const classicUdpSize = 512
/** Bigger datagrams would be cut into fragments somewhere: https://www.dnsflagday.net/2020/ */
const largestUdpSize = 1232
/** Zone transfers and the like are for secondaries, and there are none. */
const refusedTypes = new Set(['AXFR', 'IXFR'])

/** Reads one message. Never throws. */
export function readQuestion(bytes: Buffer): Reading {
  if (bytes.length < headerLength) return undefined
  const flags = bytes.readUInt16BE(2)
  if ((flags & 0x8000) !== 0) return undefined
  if (((flags >> 11) & 15) !== 0) return { refusal: refuseUnread(bytes, 'NOTIMP') }
  const packet = decode(bytes)
  const [question, ...others] = packet?.questions ?? []
  if (packet === undefined || question === undefined || others.length > 0)
    return { refusal: refuseUnread(bytes, 'FORMERR') }
  const opt = packet.additionals?.find((record) => record.type === 'OPT')
  const edns = opt?.type === 'OPT' ? opt : undefined
  const asked: Asked = {
    id: bytes.readUInt16BE(0),
    question,
    flags,
    udpSize: Math.min(Math.max(edns?.udpPayloadSize ?? classicUdpSize, classicUdpSize), largestUdpSize),
    edns: edns !== undefined,
    dnssecOk: edns?.flag_do === true,
  }
  if ((edns?.ednsVersion ?? 0) > 0) return { refusal: badVersion(asked) }
  if (refusedTypes.has(question.type) || (question.class ?? 'IN') !== 'IN')
    return { refusal: writeAnswer(asked, failure('REFUSED'), Number.POSITIVE_INFINITY) }
  return { asked }
}

/** An outcome without records. */
export function failure(rcode: Rcode): Outcome {
  return { rcode, answers: [], authorities: [], additionals: [], isAuthoritative: false }
}

/** The answer as bytes, cut to the limit: records that do not fit are left out and the asker is told to come by TCP. */
export function writeAnswer(asked: Asked, outcome: Outcome, limit: number): Buffer {
  const whole = encode(asked, outcome)
  return whole.length <= limit ? whole : writeShort(asked, outcome, limit)
}

/**
 * Names once, then as many answers as fit; of the other sections all or nothing. Only answers, and the authority of a negative one,
 * are worth coming by TCP for (RFC 2181, section 9).
 */
function writeShort(asked: Asked, outcome: Outcome, limit: number): Buffer {
  const bare = encode(asked, { ...outcome, answers: [], authorities: [], additionals: [] })
  const questionEnd = endOfName(bare, headerLength) + 4
  const [head, opt] = [bare.subarray(0, questionEnd), bare.subarray(questionEnd)]
  const writer = new RecordWriter(head, limit - opt.length)
  const answers = writer.write(outcome.answers)
  const authorities = writer.writeAll(outcome.authorities)
  const additionals = writer.writeAll(outcome.additionals)
  const isCut =
    outcome.answers.length > 0
      ? answers.length < outcome.answers.length
      : authorities.length < outcome.authorities.length
  if (isCut) head.writeUInt16BE(head.readUInt16BE(2) | dns.TRUNCATED_RESPONSE, 2)
  head.writeUInt16BE(answers.length, 6)
  head.writeUInt16BE(authorities.length, 8)
  head.writeUInt16BE(head.readUInt16BE(10) + additionals.length, 10)
  return Buffer.concat([head, ...answers, ...authorities, ...additionals, opt])
}

function encode({ id, question, flags, edns, dnssecOk }: Asked, outcome: Outcome, extended = 0): Buffer {
  const { rcode, answers, authorities, additionals, isAuthoritative } = outcome
  const options: Answer[] = edns
    ? [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: largestUdpSize,
          extendedRcode: extended,
          ednsVersion: 0,
          flags: dnssecOk ? dns.DNSSEC_OK : 0,
          flag_do: dnssecOk,
          options: [],
        },
      ]
    : []
  return dns.encode({
    type: 'response',
    id,
    flags:
      (flags & dns.RECURSION_DESIRED) |
      dns.RECURSION_AVAILABLE |
      (isAuthoritative ? dns.AUTHORITATIVE_ANSWER : 0) |
      rcodes[rcode],
    questions: [question],
    answers,
    authorities,
    additionals: [...additionals, ...options],
  })
}

/** A header alone: the rest could not be read, so it is not repeated. */
function refuseUnread(bytes: Buffer, rcode: Rcode): Buffer {
  const header = Buffer.alloc(headerLength)
  header.writeUInt16BE(bytes.readUInt16BE(0), 0)
  header.writeUInt16BE(0x8000 | (bytes.readUInt16BE(2) & 0x7900) | rcodes[rcode], 2)
  return header
}

/** BADVERS is 16: its upper bits stand in the OPT record. */
function badVersion(asked: Asked): Buffer {
  return encode(asked, failure('NOERROR'), 1)
}

/** undefined for what is no message. */
export function decode(bytes: Buffer): DecodedPacket | undefined {
  try {
    return dns.decode(bytes)
  } catch {
    return undefined // the library has no other way to say that bytes are malformed
  }
}
