// The targets of iptables rules.

import { markInSet } from '../ipsets.ts'
import type { Effect, RuleContext } from '../rules.ts'

/** Targets that look or write elsewhere and let the packet go on. */
const passing = new Set([
  '',
  'LOG',
  'NFLOG',
  'TRACE',
  'TCPMSS',
  'CONNMARK',
  'CHECKSUM',
  'CLASSIFY',
  'DSCP',
  'TOS',
  'TTL',
  'HL',
  'SECMARK',
  'CONNSECMARK',
  'AUDIT',
  'ULOG',
  'IDLETIMER',
  'RATEEST',
  'TEE',
])

export function applyTarget(target: string, words: readonly string[], isGoto: boolean, context: RuleContext): Effect {
  const value = (name: string) => {
    const at = words.indexOf(name)
    return at < 0 ? undefined : words[at + 1]
  }
  const done = (did: string[] = []): Effect => ({ matched: true, did })
  if (passing.has(target)) return done()
  const { packet, translate } = context
  switch (target) {
    case 'ACCEPT':
      return { ...done(), verdict: { kind: 'accept' } }
    case 'DROP':
      return { ...done(), verdict: { kind: 'drop' } }
    case 'RETURN':
      return { ...done(), verdict: { kind: 'return' } }
    case 'QUEUE':
    case 'NFQUEUE':
      return { ...done(), verdict: { kind: 'queue' } }
    case 'REJECT':
      return { ...done(), verdict: { kind: 'reject', how: value('--reject-with') ?? 'icmp-port-unreachable' } }
    case 'MARK':
      packet.mark = setMark(packet.mark, value('--set-xmark') ?? '0/0')
      return done([`mark ${value('--set-xmark')}`])
    case 'SET': {
      const at = words.indexOf('--map-set')
      if (at < 0 || !words.includes('--map-mark')) return done()
      const mark = markInSet(context, words[at + 1] ?? '', words[at + 2]?.split(',') ?? [])
      // The kernel takes an element without a mark for one that gives the mark 0.
      if (mark === undefined) return done()
      packet.mark = setMark(packet.mark, mark || '0')
      return done([`mark ${mark || '0'} of set ${words[at + 1]}`])
    }
    case 'CT':
    case 'NOTRACK':
      if (target === 'CT' && !words.includes('--notrack')) return done()
      packet.tracked = { state: 'UNTRACKED', direction: 'original' }
      return done(['not tracked'])
    case 'DNAT': {
      const [address, port] = splitEnd(value('--to-destination') ?? '')
      translate.destination(address, port)
      return { ...done([`DNAT to ${value('--to-destination')}`]), verdict: { kind: 'accept' } }
    }
    case 'SNAT': {
      const [address, port] = splitEnd(value('--to-source') ?? '')
      translate.source(address, port)
      return { ...done([`SNAT to ${value('--to-source')}`]), verdict: { kind: 'accept' } }
    }
    case 'MASQUERADE':
      translate.masquerade()
      return { ...done([`masquerade as ${packet.source}`]), verdict: { kind: 'accept' } }
    case 'REDIRECT':
      translate.redirect(Number((value('--to-ports') ?? `${packet.port}`).split('-')[0]))
      return { ...done([`redirect to ${packet.port}`]), verdict: { kind: 'accept' } }
    default:
      return { ...done(), verdict: { kind: isGoto ? 'goto' : 'jump', chain: target } }
  }
}

/** --set-xmark value/mask: the mask's bits are cleared, the value's are flipped. */
function setMark(mark: number, words: string): number {
  const [value = '0', mask = '0xffffffff'] = words.split('/')
  return ((mark & ~Number(mask)) ^ Number(value)) >>> 0
}

/** "10.0.0.1:80", "[fd00::1]:80", "10.0.0.1-10.0.0.5"; of a range, the first. */
function splitEnd(text: string): [address: string | undefined, port: number | undefined] {
  const match = /^\[?([^\]]*?)\]?(?::(\d+)(?:-\d+)?)?$/.exec(text)
  const isBareIpv6 = text.includes(':') && !text.startsWith('[') && text.split(':').length > 2
  const address = (isBareIpv6 ? text : (match?.[1] ?? '')).split('-')[0]
  const port = isBareIpv6 ? undefined : match?.[2]
  return [address === '' ? undefined : address, port === undefined ? undefined : Number(port)]
}
