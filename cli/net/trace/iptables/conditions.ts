// The matches of iptables that we, Kubernetes' proxy, Docker and usual firewalls write (man iptables-extensions).

import { isWithin } from '../address.ts'
import { isDestinationTranslated, isSourceTranslated } from '../connections.ts'
import { isInSet } from '../ipsets.ts'
import type { RuleContext } from '../rules.ts'
import { addressType, hasFlags } from '../tests.ts'

export type Condition = (context: RuleContext) => boolean

type Packet = RuleContext['packet']

interface Option {
  /** How many words belong to it. */
  values: number
  /** `rest` are the words after the first value, `all` those of the whole rule. */
  make(value: string, rest: readonly string[], all: readonly string[]): Condition
}

/** Options that decide nothing themselves, and how many words they take. */
export const harmless: Record<string, number> = {
  '--comment': 1,
  '--name': 1,
  '--mask': 1,
  '--rsource': 0,
  '--rdest': 0,
  '--seconds': 1,
  '--hitcount': 1,
  '--reap': 0,
  '--set': 0,
  '--limit': 1,
  '--limit-burst': 1,
  '--every': 1,
  '--packet': 1,
  '--probability': 1,
}

const protocolNumbers: Record<string, string> = {
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmp',
  'ipv6-icmp': 'icmp',
}

export const conditions: Record<string, Option> = {
  '-s': range(({ source }) => source),
  '-d': range(({ destination }) => destination),
  '-i': device(({ iif }) => iif),
  '-o': device(({ oif }) => oif),
  '-p': one(({ packet }, name) => name === 'all' || (protocolNumbers[name] ?? name) === packet.protocol),
  '--dport': numbers(({ port }) => [port]),
  '--sport': numbers(({ sourcePort }) => [sourcePort]),
  '--dports': numbers(({ port }) => [port]),
  '--sports': numbers(({ sourcePort }) => [sourcePort]),
  '--ports': numbers(({ port, sourcePort }) => [port, sourcePort]),
  '--ctstate': one(isInState),
  '--state': one(isInState),
  '--ctstatus': one((context, names) => names.split(',').some((name) => hasStatus(context, name))),
  '--ctdir': one(({ packet }, name) => (packet.tracked?.direction ?? 'original') === name.toLowerCase()),
  '--ctorigdst': range((packet) => original(packet).destination),
  '--ctorigdstport': numbers((packet) => [original(packet).port]),
  '--ctorigsrc': range((packet) => original(packet).source),
  'mark --mark': one(({ packet }, mark) => isMarked(packet.mark, mark)),
  'connmark --mark': one((_, mark) => isMarked(0, mark)),
  '--src-type': one((context, types) => types.split(',').includes(addressType(context, context.packet.source))),
  '--dst-type': one((context, types) => types.split(',').includes(addressType(context, context.packet.destination))),
  '--src-range': range(({ source }) => source),
  '--dst-range': range(({ destination }) => destination),
  '--match-set': two((context, name, directions) => isInSet(context, name, directions.split(','))),
  '--mode': { values: 1, make: (mode, _, all) => (context) => isChosen(context, mode, all) },
  '--tcp-flags': two(hasFlags),
  '--icmp-type': one(isEcho),
  '--icmpv6-type': one(isEcho),
  '--physdev-in': device(({ physicalIn }) => physicalIn),
  '--physdev-out': device(({ physicalOut }) => physicalOut),
  '--physdev-is-bridged': none(({ physicalOut }) => physicalOut !== ''),
  '--physdev-is-in': none(({ physicalIn }) => physicalIn !== ''),
  '--pkt-type': one((_, type) => type === 'unicast'),
  '--length': numbers(({ bytes }) => [bytes]),
  // Whether a client came before is not in the picture: a new one is traced.
  '--rcheck': none(() => false),
  '--update': none(() => false),
}

function none(test: Condition): Option {
  return { values: 0, make: () => test }
}

function one(test: (context: RuleContext, value: string) => boolean): Option {
  return { values: 1, make: (value) => (context) => test(context, value) }
}

function two(test: (context: RuleContext, first: string, second: string) => boolean): Option {
  return {
    values: 2,
    make:
      (first, [second = '']) =>
      (context) =>
        test(context, first, second),
  }
}

/** Whether an address is the one named, or of the range. */
function range(addressOf: (packet: Packet) => string): Option {
  return one(({ packet }, wanted) => isWithin(addressOf(packet), wanted))
}

/** Whether one of some numbers is one of "80", "80:90" and lists of them. */
function numbers(numbersOf: (packet: Packet) => number[]): Option {
  return one(({ packet }, wanted) => numbersOf(packet).some((number) => isListed(number, wanted)))
}

/** Whether a name is the one wanted; "eth+" fits every name that begins so. */
function device(nameOf: (context: RuleContext) => string): Option {
  return one((context, wanted) => {
    const name = nameOf(context)
    return wanted.endsWith('+') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
  })
}

function isListed(number: number, wanted: string): boolean {
  return wanted.split(',').some((part) => {
    const [first = '', last = first] = part.split(':')
    return number >= Number(first || 0) && number <= Number(last || 65_535)
  })
}

function isInState(context: RuleContext, names: string): boolean {
  const wanted = names.split(',')
  const state = context.packet.tracked?.state ?? 'INVALID'
  return wanted.includes(state) || ['DNAT', 'SNAT'].some((name) => wanted.includes(name) && hasStatus(context, name))
}

function hasStatus({ packet }: RuleContext, name: string): boolean {
  const connection = packet.tracked?.connection
  if (connection === undefined) return false
  if (name === 'DNAT') return isDestinationTranslated(connection)
  if (name === 'SNAT') return isSourceTranslated(connection)
  return name === 'SEEN_REPLY' || name === 'ASSURED' ? packet.tracked?.direction === 'reply' : name === 'CONFIRMED'
}

const original = (packet: Packet) => packet.tracked?.connection?.original ?? packet

/** "0x4000/0x4000". */
function isMarked(mark: number, wanted: string): boolean {
  const [value = '0', mask = '0xffffffff'] = wanted.split('/')
  return (mark & Number(mask)) >>> 0 === Number(value) >>> 0
}

function isChosen(context: RuleContext, mode: string, words: readonly string[]): boolean {
  if (mode === 'random') {
    const chance = Number(words[words.indexOf('--probability') + 1])
    return chance >= 1 || (chance > 0 && context.choose(2) === 0)
  }
  return context.choose(2) === 0
}

function isEcho({ packet }: RuleContext, type: string): boolean {
  const { protocol, family, isAnswer } = packet
  if (protocol !== 'icmp') return false
  const isReply = isAnswer === true
  const [request, reply] = family === 'ipv4' ? ['8', '0'] : ['128', '129']
  return (
    type === 'any' ||
    type.split('/')[0] === (isReply ? reply : request) ||
    type === (isReply ? 'echo-reply' : 'echo-request')
  )
}
