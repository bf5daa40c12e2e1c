// How ends of a trace are written on the command line. Pure.

import { toRange } from './trace/address.ts'

/** A pod, Service or node by its name. */
export interface NamedEnd {
  name: string
  /** Absent where none is written. */
  namespace?: string
  /** A number, or the name of a port. */
  portText?: string
}

interface AddressEnd {
  address: string
  port?: number
}

export type EndWord =
  | ({ kind: 'pod' | 'service' | 'node' } & NamedEnd)
  | ({ kind: 'address' } & AddressEnd)
  | { kind: 'outside'; address?: string }

const kinds = new Map<string, 'pod' | 'service' | 'node' | 'outside'>([
  ['pod', 'pod'],
  ['po', 'pod'],
  ['pods', 'pod'],
  ['service', 'service'],
  ['svc', 'service'],
  ['services', 'service'],
  ['node', 'node'],
  ['no', 'node'],
  ['nodes', 'node'],
  ['outside', 'outside'],
])

/** Reads pod/NAME[.NAMESPACE][:PORT], svc/NAME[.NAMESPACE][:PORT], node/NAME[:PORT], outside[/ADDRESS], NAMESPACE/POD[:PORT] and ADDRESS[:PORT]. */
export function parseEnd(word: string): EndWord {
  const plain = parseAddress(word)
  if (plain !== undefined) return { kind: 'address', ...plain }
  const [first, rest] = splitOnce(word, '/')
  const kind = kinds.get(first)
  if (kind === 'outside') {
    if (rest !== undefined && !isAddress(rest)) throw unreadable(word)
    return { kind, ...(rest !== undefined && { address: rest }) }
  }
  const [name, portText] = splitOnce(rest ?? '', ':')
  // A namespace's name has no dots: 10.0.0.0/8 names no pod.
  const isNamed = name !== '' && (kind !== undefined || !first.includes('.'))
  // Ports of nodes have no names.
  const isAtPort = portText === undefined || isPort(portText) || (kind !== 'node' && /[a-z]/.test(portText))
  if (!isNamed || !isAtPort) throw unreadable(word)
  const port = portText === undefined ? {} : { portText }
  // A node's name may have dots, and nodes have no namespace.
  if (kind === 'node') return { kind, name, ...port }
  return kind === undefined ? { kind: 'pod', name, namespace: first, ...port } : { kind, ...splitName(name), ...port }
}

function unreadable(word: string): Error {
  return new Error(
    `cannot read "${word}": write pod/NAME, svc/NAME:PORT, node/NAME, outside, outside/ADDRESS or an address; ` +
      "a PORT is 1 to 65535, or the name of a pod's or Service's",
  )
}

/** "web.shop" is web of namespace shop. */
function splitName(word: string): { name: string; namespace?: string } {
  const at = word.lastIndexOf('.')
  return at < 0 ? { name: word } : { name: word.slice(0, at), namespace: word.slice(at + 1) }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** "10.0.0.1", "10.0.0.1:80", "fd00::1", "[fd00::1]:80". */
function parseAddress(word: string): AddressEnd | undefined {
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(word) ?? /^([\d.]+)(?::(\d+))?$/.exec(word)
  const address = match?.[1] ?? word
  const portText = match?.[2]
  if (!isAddress(address) || (portText !== undefined && !isPort(portText))) return undefined
  return { address, ...(portText !== undefined && { port: Number(portText) }) }
}

/** Whether it is one address, and no range of them. */
const isAddress = (text: string) => toRange(text) !== undefined && !/[/-]/.test(text)
const isPort = (text: string) => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
