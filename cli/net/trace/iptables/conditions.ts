// The matches of iptables that we, Kubernetes' proxy, Docker and usual firewalls write (man iptables-extensions).

import { isWithin } from '../address.ts'
import { isInSet } from '../ipsets.ts'
import type { RuleContext } from '../rules.ts'
import { addressType, hasFlags } from '../tests.ts'

export type Condition = (context: RuleContext) => boolean

interface Option {
  /** How many words belong to it. */
  values: number
  /** `rest` are the words after the first value, `all` those of the whole rule. */
  make(value: string, rest: readonly string[], all: readonly string[]): Condition
}

const one = (make: (value: string) => Condition): Option => ({ values: 1, make })

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
  '-s': one(
    (range) =>
      ({ packet }) =>
        isWithin(packet.source, range),
  ),
  '-d': one(
    (range) =>
      ({ packet }) =>
        isWithin(packet.destination, range),
  ),
  '-i': one(
    (name) =>
      ({ iif }) =>
        isDevice(iif, name),
  ),
  '-o': one(
    (name) =>
      ({ oif }) =>
        isDevice(oif, name),
  ),
  '-p': one(
    (name) =>
      ({ packet }) =>
        name === 'all' || (protocolNumbers[name] ?? name) === packet.protocol,
  ),
  '--dport': one(
    (ports) =>
      ({ packet }) =>
        isPort(packet.port, ports),
  ),
  '--sport': one(
    (ports) =>
      ({ packet }) =>
        isPort(packet.sourcePort, ports),
  ),
  '--dports': one(
    (ports) =>
      ({ packet }) =>
        isPort(packet.port, ports),
  ),
  '--sports': one(
    (ports) =>
      ({ packet }) =>
        isPort(packet.sourcePort, ports),
  ),
  '--ports': one(
    (ports) =>
      ({ packet }) =>
        isPort(packet.port, ports) || isPort(packet.sourcePort, ports),
  ),
  '--ctstate': one(isInState),
  '--state': one(isInState),
  '--ctstatus': one((names) => (context) => names.split(',').some((name) => hasStatus(context, name))),
  '--ctdir': one(
    (name) =>
      ({ packet }) =>
        (packet.tracked?.direction ?? 'original') === name.toLowerCase(),
  ),
  '--ctorigdst': one(
    (range) =>
      ({ packet }) =>
        isWithin(original(packet).destination, range),
  ),
  '--ctorigdstport': one(
    (ports) =>
      ({ packet }) =>
        isPort(original(packet).port, ports),
  ),
  '--ctorigsrc': one(
    (range) =>
      ({ packet }) =>
        isWithin(original(packet).source, range),
  ),
  'mark --mark': one(
    (mark) =>
      ({ packet }) =>
        isMarked(packet.mark, mark),
  ),
  'connmark --mark': one((mark) => () => isMarked(0, mark)),
  '--src-type': one((types) => (context) => types.split(',').includes(addressType(context, context.packet.source))),
  '--dst-type': one(
    (types) => (context) => types.split(',').includes(addressType(context, context.packet.destination)),
  ),
  '--src-range': one(
    (range) =>
      ({ packet }) =>
        isWithin(packet.source, range),
  ),
  '--dst-range': one(
    (range) =>
      ({ packet }) =>
        isWithin(packet.destination, range),
  ),
  '--match-set': {
    values: 2,
    make: (name, [directions = '']) => {
      return (context) => isInSet(context, name, directions.split(','))
    },
  },
  '--mode': { values: 1, make: (mode, _, all) => (context) => isChosen(context, mode, all) },
  '--tcp-flags': {
    values: 2,
    make:
      (mask, [wanted = '']) =>
      (context) =>
        hasFlags(context, mask, wanted),
  },
  '--icmp-type': one(
    (type) =>
      ({ packet }) =>
        packet.protocol === 'icmp' && isEcho(packet, type),
  ),
  '--icmpv6-type': one(
    (type) =>
      ({ packet }) =>
        packet.protocol === 'icmp' && isEcho(packet, type),
  ),
  '--physdev-in': one(
    (name) =>
      ({ physicalIn }) =>
        isDevice(physicalIn, name),
  ),
  '--physdev-out': one(
    (name) =>
      ({ physicalOut }) =>
        isDevice(physicalOut, name),
  ),
  '--physdev-is-bridged': {
    values: 0,
    make:
      () =>
      ({ physicalOut }) =>
        physicalOut !== '',
  },
  '--physdev-is-in': {
    values: 0,
    make:
      () =>
      ({ physicalIn }) =>
        physicalIn !== '',
  },
  '--pkt-type': one((type) => () => type === 'unicast'),
  '--length': one(
    (lengths) =>
      ({ packet }) =>
        isPort(packet.bytes, lengths),
  ),
  // Whether a client came before is not in the picture: a new one is traced.
  '--rcheck': { values: 0, make: () => () => false },
  '--update': { values: 0, make: () => () => false },
}

/** "eth+" fits every name that begins so. */
function isDevice(name: string, wanted: string): boolean {
  return wanted.endsWith('+') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
}

/** "80", "80:90" and lists of them. */
function isPort(port: number, wanted: string): boolean {
  return wanted.split(',').some((part) => {
    const [first = '', last = first] = part.split(':')
    return port >= Number(first || 0) && port <= Number(last || 65_535)
  })
}

function isInState(names: string): Condition {
  const wanted = new Set(names.split(','))
  return (context) => {
    const state = context.packet.tracked?.state ?? 'INVALID'
    return wanted.has(state) || ['DNAT', 'SNAT'].some((name) => wanted.has(name) && hasStatus(context, name))
  }
}

/** Whether the connection's addresses were translated. */
function hasStatus({ packet }: RuleContext, name: string): boolean {
  const connection = packet.tracked?.connection
  if (connection === undefined) return false
  const { original, reply } = connection
  if (name === 'DNAT') return original.destination !== reply.source || original.port !== reply.sourcePort
  if (name === 'SNAT') return original.source !== reply.destination || original.sourcePort !== reply.port
  return name === 'SEEN_REPLY' || name === 'ASSURED' ? packet.tracked?.direction === 'reply' : name === 'CONFIRMED'
}

const original = (packet: RuleContext['packet']) => packet.tracked?.connection?.original ?? packet

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

function isEcho({ family, isAnswer }: RuleContext['packet'], type: string): boolean {
  const isReply = isAnswer === true
  const [request, reply] = family === 'ipv4' ? ['8', '0'] : ['128', '129']
  return (
    type === 'any' ||
    type.split('/')[0] === (isReply ? reply : request) ||
    type === (isReply ? 'echo-reply' : 'echo-request')
  )
}
