// One server that questions outside the cluster's zone are handed to. Each question has a socket of its own, so a random
// source port beside its random id; a truncated answer is asked for again by TCP.

import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import type { Answer, DecodedPacket, Question } from 'dns-packet'
import * as dns from 'dns-packet'
import { decode } from './message.ts'
import { readFrames, toFrame } from './tcp-frames.ts'

export interface Address {
  host: string
  port: number
}

const udpSize = 1232
const probeMs = 500

export class Upstream {
  readonly address: Address
  readonly #timeoutMs: number
  /** Since when it does not answer; undefined: it does. */
  #probing: NodeJS.Timeout | undefined

  constructor(address: Address, timeoutMs = 2_000) {
    this.address = address
    this.#timeoutMs = timeoutMs
  }

  get isHealthy(): boolean {
    return this.#probing === undefined
  }

  /** The answer to a question. Throws when there is none in time; the server is unhealthy from then on until it answers a probe. */
  async ask(question: Question, dnssecOk: boolean): Promise<DecodedPacket> {
    try {
      const answer = await this.#exchange(question, dnssecOk)
      this.#stopProbing()
      return answer
    } catch (error) {
      this.#probe()
      throw error
    }
  }

  close(): void {
    this.#stopProbing()
  }

  async #exchange(question: Question, dnssecOk: boolean): Promise<DecodedPacket> {
    const answer = await this.#askOnce(question, [makeOpt(dnssecOk)])
    // A server from before EDNS takes the question only without it: RFC 6891, section 7.
    return isRefusal(answer) && !answer.additionals?.some(({ type }) => type === 'OPT')
      ? await this.#askOnce(question, [])
      : answer
  }

  async #askOnce(question: Question, additionals: Answer[]): Promise<DecodedPacket> {
    const id = randomInt(65_536)
    const bytes = dns.encode({
      type: 'query',
      id,
      flags: dns.RECURSION_DESIRED,
      questions: [question],
      additionals,
    })
    const isAnswer = (packet: DecodedPacket | undefined) =>
      packet?.id === id && (isSameQuestion(packet, question) || (isRefusal(packet) && packet.questions?.length === 0))
    const answer = await this.#byUdp(bytes, isAnswer)
    return answer.flag_tc ? await this.#byTcp(bytes, isAnswer) : answer
  }

  #byUdp(bytes: Buffer, isAnswer: (packet: DecodedPacket | undefined) => boolean): Promise<DecodedPacket> {
    const { promise, resolve, reject } = Promise.withResolvers<DecodedPacket>()
    const { host, port } = this.address
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const timer = setTimeout(() => reject(this.#tooLate()), this.#timeoutMs)
    socket.on('error', reject)
    socket.on('message', (message) => {
      const packet = decode(message)
      // Whatever else arrives may be forged: the right answer may still come.
      if (packet !== undefined && isAnswer(packet)) resolve(packet)
    })
    // Connected: the kernel drops what does not come from there, and says when nobody listens.
    // Not as connect's own callback: that is called for a failure too, such as no route, and sending would throw then.
    let again: NodeJS.Timeout | undefined
    socket.once('connect', () => {
      socket.send(bytes)
      // A lost datagram must not be a failure that the asker hears of: he would not ask again.
      again = setTimeout(() => socket.send(bytes), this.#timeoutMs / 2)
    })
    socket.connect(port, host)
    return promise.finally(() => {
      clearTimeout(timer)
      clearTimeout(again)
      socket.close()
    })
  }

  #byTcp(bytes: Buffer, isAnswer: (packet: DecodedPacket | undefined) => boolean): Promise<DecodedPacket> {
    const { promise, resolve, reject } = Promise.withResolvers<DecodedPacket>()
    const socket = connect(this.address)
    const timer = setTimeout(() => reject(this.#tooLate()), this.#timeoutMs)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`${this.#name()} closed the connection without an answer`)))
    readFrames(socket, (message) => {
      const packet = decode(message)
      if (packet !== undefined && isAnswer(packet)) resolve(packet)
    })
    // Not ended here: some servers take that for a client that has gone.
    socket.write(toFrame(bytes))
    return promise.finally(() => {
      clearTimeout(timer)
      socket.destroy()
    })
  }

  /** Asks for the root's servers, which every resolver knows, until there is an answer of any kind. */
  #probe(): void {
    this.#probing ??= setInterval(() => {
      this.#exchange({ type: 'NS', name: '.' }, false).then(
        () => this.#stopProbing(),
        () => undefined, // still dead: the next probe asks again
      )
    }, probeMs).unref()
  }

  #stopProbing(): void {
    clearInterval(this.#probing)
    this.#probing = undefined
  }

  #tooLate(): Error {
    return new Error(`${this.#name()} gave no answer within ${this.#timeoutMs} ms`)
  }

  #name(): string {
    return `upstream ${this.address.host} port ${this.address.port}`
  }
}

function makeOpt(dnssecOk: boolean): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: udpSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: dnssecOk ? dns.DNSSEC_OK : 0,
    flag_do: dnssecOk,
    options: [],
  }
}

/** The question was not understood; what was not understood need not be repeated. */
function isRefusal(packet: DecodedPacket): boolean {
  return 'rcode' in packet && (packet.rcode === 'FORMERR' || packet.rcode === 'NOTIMP')
}

function isSameQuestion({ questions = [] }: DecodedPacket, { name, type }: Question): boolean {
  const [echoed, ...others] = questions
  return others.length === 0 && echoed?.type === type && echoed.name.toLowerCase() === name.toLowerCase()
}
