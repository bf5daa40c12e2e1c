// What a client accepts. https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources

import { notAcceptable } from './refusals.ts'

/** The first of the accepted media types that can be made. */
export interface Accepted {
  format: 'json' | 'yaml'
  /** Absent: the object itself. */
  as: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined
  /** Of meta.k8s.io: v1 or v1beta1. */
  version: string
}

const kinds = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'] as const

/** Reads an Accept header. Throws 406. */
export function parseAccept(header: string | undefined): Accepted {
  const ranges = (header ?? '').trim() === '' ? ['*/*'] : (header ?? '').split(',')
  for (const range of ranges) {
    const accepted = readRange(range)
    if (accepted !== undefined) return accepted
  }
  throw notAcceptable()
}

/** One media range as its type and its parameters. */
export function parseMediaRange(range: string): { type: string; parameters: Map<string, string> } {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
  const pairs = parameters.map((parameter): [string, string] => {
    const [name = '', value = ''] = parameter.split('=')
    return [name.trim().toLowerCase(), value.trim()]
  })
  return { type: type.toLowerCase(), parameters: new Map(pairs) }
}

function readRange(range: string): Accepted | undefined {
  const { type, parameters } = parseMediaRange(range)
  const format = formatOf(type)
  if (format === undefined) return undefined
  const asked = parameters.get('as')
  if (asked === undefined) return { format, as: undefined, version: '' }
  const as = kinds.find((kind) => kind === asked)
  const version = parameters.get('v') ?? ''
  const isKnown = as !== undefined && parameters.get('g') === 'meta.k8s.io' && ['v1', 'v1beta1'].includes(version)
  return isKnown ? { format, as, version } : undefined
}

function formatOf(type: string): Accepted['format'] | undefined {
  if (['application/json', 'application/*', '*/*', 'text/html'].includes(type)) return 'json'
  return type === 'application/yaml' ? 'yaml' : undefined
}
