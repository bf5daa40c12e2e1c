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

const kinds: Record<string, 'pod' | 'service' | 'node' | 'outside'> = {
  pod: 'pod',
  po: 'pod',
  pods: 'pod',
  service: 'service',
  svc: 'service',
  services: 'service',
  node: 'node',
  no: 'node',
  nodes: 'node',
  outside: 'outside',
}

/** Reads pod/NAME[.NAMESPACE][:PORT], svc/NAME[.NAMESPACE][:PORT], node/NAME[:PORT], outside[/ADDRESS], NAMESPACE/POD[:PORT] and ADDRESS[:PORT]. */
export function parseEnd(word: string): EndWord {
  const plain = parseAddress(word)
  if (plain !== undefined) return { kind: 'address', ...plain }
  const [first, rest] = splitOnce(word, '/')
  const kind = kinds[first]
  if (kind === 'outside') return { kind, ...(rest !== undefined && rest !== '' && { address: rest }) }
  const [name, portText] = splitOnce(rest ?? '', ':')
  // A namespace's name has no dots: 10.0.0.0/8 names no pod.
  if (name === '' || (kind === undefined && first.includes('.')))
    throw new Error(`cannot read "${word}": write pod/NAME, svc/NAME:PORT, node/NAME, outside or an address`)
  const port = portText === undefined ? {} : { portText }
  // A node's name may have dots, and nodes have no namespace.
  if (kind === 'node') return { kind, name, ...port }
  return kind === undefined ? { kind: 'pod', name, namespace: first, ...port } : { kind, ...splitName(name), ...port }
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
  if (toRange(address) === undefined || address.includes('/') || address.includes('-')) return undefined
  return { address, ...(match?.[2] !== undefined && { port: Number(match[2]) }) }
}
